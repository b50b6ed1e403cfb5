import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { useCondaEnv, useTrouble } from './context';
import { inWords } from './troubles';

const MINUTE = 60_000;

interface IButton extends Omit<React.ButtonHTMLAttributes<HTMLButtonElement>, 'onClick'> {
  /** The one that a person most likely wants. */
  accent?: boolean;
  icon?: LabIcon;
  /** It cannot be pressed just now, and may have the focus nevertheless. */
  blocked?: boolean;
  /** Until what it returns is settled, presses are ignored: a double click asks once. */
  onClick?(): unknown;
}

/** Whether `key` was pressed, and not while a character is composed of several keys, which is up to the input method. */
export function isPressed(key: string, event: React.KeyboardEvent): boolean {
  return event.key === key && !event.nativeEvent.isComposing;
}

/** The time in milliseconds, which goes on while one looks. */
export function useMinute(): number {
  const [now, setNow] = React.useState(Date.now);
  React.useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE);
    return () => clearInterval(timer);
  }, []);
  return Math.max(now, Date.now());
}

export const Button = React.forwardRef<HTMLButtonElement, IButton>(function Button(
  { accent, icon, blocked, children, className = '', onClick, ...rest },
  ref
) {
  const pending = React.useRef(false);
  const press = async (event: React.MouseEvent): Promise<void> => {
    if (blocked || pending.current) {
      event.preventDefault();
      return;
    }
    pending.current = true;
    try {
      await onClick?.();
    } finally {
      pending.current = false;
    }
  };
  const classes = `jp-condaenv-button ${accent ? 'jp-mod-accent' : ''} ${className}`;
  return (
    <button
      ref={ref}
      type="button"
      className={classes}
      aria-disabled={blocked ? true : undefined}
      onClick={event => void press(event)}
      {...rest}
    >
      {icon && <icon.react tag="span" elementSize="normal" aria-hidden="true" />}
      {children && <span>{children}</span>}
    </button>
  );
});

/** A button that is only an icon; `label` says what it does. */
export const IconButton = React.forwardRef<HTMLButtonElement, IButton & { icon: LabIcon; label: string }>(
  function IconButton({ label, className = '', ...rest }, ref) {
    return <Button ref={ref} aria-label={label} title={label} className={`jp-condaenv-icon ${className}`} {...rest} />;
  }
);

/** In place of what the server has not told yet. */
export function Loading(): JSX.Element {
  const { trans } = useCondaEnv();
  const waits = useTrouble();
  return (
    <p role="status" className="jp-condaenv-quiet">
      {waits ? trans.__('This is shown when the server is back.') : trans.__('Loading…')}
    </p>
  );
}

/** `text` with what stands between backticks, such as a command, as code. */
export function withCode(text: string): React.ReactNode[] {
  return text.split(/`([^`\n]+)`/).map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part));
}

/** What went wrong, and what to do. It is read out, unless it is `past`. */
export function Alert(props: {
  failure: { code?: string; message: string; hint?: string };
  past?: boolean;
  children?: React.ReactNode;
}): JSX.Element {
  const { trans } = useCondaEnv();
  const { message, hint } = inWords(props.failure, trans);
  const [first, ...reasons] = message.split('\n');
  const sentence = reasons.length > 0 ? first.replace(/:$/, '.') : first;
  return (
    <div role={props.past ? undefined : 'alert'} className="jp-condaenv-alert">
      <div>{withCode(sentence)}</div>
      {hint && <div className="jp-condaenv-hint">{withCode(hint)}</div>}
      {reasons.length > 0 && (
        <details className="jp-condaenv-reasons">
          <summary>{trans.__('The whole message')}</summary>
          {/* It can be long and wide, and is then scrolled, by keys too. */}
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
          <pre tabIndex={0}>{reasons.map(line => line.replace(/^ {2}/, '')).join('\n')}</pre>
        </details>
      )}
      {props.children}
    </div>
  );
}

/** A field to search or filter with, which Escape empties first. */
export const SearchField = React.forwardRef<
  HTMLInputElement,
  { label: string; value: string; onChange: (value: string) => void } & Omit<
    React.InputHTMLAttributes<HTMLInputElement>,
    'onChange'
  >
>(function SearchField({ label, value, onChange, onKeyDown, ...rest }, ref) {
  return (
    <input
      ref={ref}
      data-home
      type="search"
      className="jp-condaenv-input"
      aria-label={label}
      placeholder={label}
      spellCheck={false}
      autoComplete="off"
      value={value}
      onChange={event => onChange(event.target.value)}
      onKeyDown={event => {
        if (isPressed('Escape', event) && value) {
          event.preventDefault();
          event.stopPropagation();
          onChange('');
        }
        onKeyDown?.(event);
      }}
      {...rest}
    />
  );
});

/** What was chosen, each of which can be left out again. */
export function Chips(props: {
  label: string;
  chips: readonly { key: string; text: string; kind?: string; leaveOut: string; onLeaveOut: () => void }[];
}): JSX.Element | null {
  if (props.chips.length === 0) {
    return null;
  }
  return (
    <ul className="jp-condaenv-chips" aria-label={props.label}>
      {props.chips.map(chip => (
        <li key={chip.key} className={`jp-condaenv-chip ${chip.kind ? `jp-mod-${chip.kind}` : ''}`}>
          <span>{chip.text}</span>
          <button type="button" aria-label={chip.leaveOut} title={chip.leaveOut} onClick={chip.onLeaveOut}>
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Tabs of which the arrow keys choose one. */
export function Tabs<Id extends string>(props: {
  label: string;
  tabs: readonly { id: Id; text: string }[];
  chosen: Id;
  onChoose(id: Id): void;
}): JSX.Element {
  const { tabs, chosen, onChoose } = props;
  const list = React.useRef<HTMLDivElement>(null);
  const move = (event: React.KeyboardEvent): void => {
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (aside !== undefined) {
      event.preventDefault();
      const next = (tabs.findIndex(tab => tab.id === chosen) + aside + tabs.length) % tabs.length;
      onChoose(tabs[next].id);
      list.current?.querySelectorAll('button')[next]?.focus();
    }
  };
  return (
    <div ref={list} role="tablist" aria-label={props.label} className="jp-condaenv-tabs">
      {tabs.map(tab => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`jp-condaenv-tab-${tab.id}`}
          aria-selected={tab.id === chosen}
          aria-controls="jp-condaenv-tabpanel"
          tabIndex={tab.id === chosen ? 0 : -1}
          onClick={() => onChoose(tab.id)}
          onKeyDown={move}
        >
          {tab.text}
        </button>
      ))}
    </div>
  );
}
