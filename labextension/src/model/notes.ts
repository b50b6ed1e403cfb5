import type { NewNotes, Notes } from '../api/client';

/** Notes as a person writes them. */
export interface IWritten {
  note: string;
  /** With commas or spaces between them. */
  tags: string;
  protected: boolean;
  frozen: boolean;
  /** Why it is frozen. */
  message: string;
}

export function written(notes: Notes | null | undefined): IWritten {
  const { note = '', tags = [], protected: kept = false, frozen = '' } = notes ?? {};
  return { note, tags: tags.join(', '), protected: kept, frozen: frozen !== '', message: frozen };
}

/** What has to be changed in `notes` to have them as they are `now`; null where nothing has. */
export function changed(notes: Notes | null | undefined, now: IWritten): NewNotes | null {
  const before = written(notes);
  const tags = notes?.tags ?? [];
  const wanted = [...new Set(now.tags.split(/[\s,]+/).filter(tag => tag))];
  const change: NewNotes = {};
  if (now.note.trim() !== before.note) {
    change.note = now.note.trim();
  }
  if (now.protected !== before.protected) {
    change.protected = now.protected;
  }
  if (now.frozen !== before.frozen || (now.frozen && now.message.trim() !== before.message)) {
    change.frozen = now.frozen;
    change.message = now.frozen ? now.message.trim() : '';
  }
  if (wanted.some(tag => !tags.includes(tag))) {
    change.tag = wanted.filter(tag => !tags.includes(tag));
  }
  if (tags.some(tag => !wanted.includes(tag))) {
    change.untag = tags.filter(tag => !wanted.includes(tag));
  }
  return Object.keys(change).length > 0 ? change : null;
}
