import React from 'react';

interface IRows<Element extends HTMLElement> {
  /** For the element around the rows. */
  container: { ref: React.RefObject<Element>; onKeyDown: React.KeyboardEventHandler; onFocus: React.FocusEventHandler };
  /** For every control of the row with that index. */
  tabIndex(index: number): 0 | -1;
}

/**
 * Rows of controls of which Tab meets one row; the arrow keys move among the others, left and right within one.
 *
 * Every row is marked by `data-row`, its index. `reveal` brings one into sight that is not in the page.
 */
export function useRows<Element extends HTMLElement>(count: number, reveal?: (index: number) => void): IRows<Element> {
  const ref = React.useRef<Element>(null);
  const [active, setActive] = React.useState(0);
  const column = React.useRef(0);
  const moving = React.useRef(false);
  const present = Math.min(active, Math.max(0, count - 1));

  const controls = (index: number): HTMLElement[] =>
    Array.from(ref.current?.querySelectorAll<HTMLElement>(`[data-row="${index}"] button`) ?? []);

  React.useEffect(() => {
    if (!moving.current) {
      return;
    }
    const frame = requestAnimationFrame(() => {
      moving.current = false;
      const found = controls(present);
      found[Math.min(column.current, found.length - 1)]?.focus();
    });
    return () => cancelAnimationFrame(frame);
  });

  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) {
      return;
    }
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (aside !== undefined) {
      const found = controls(present);
      const next = found[found.indexOf(document.activeElement as HTMLElement) + aside];
      next?.focus();
      return;
    }
    const target = {
      ArrowUp: present - 1,
      ArrowDown: present + 1,
      PageUp: present - 10,
      PageDown: present + 10,
      Home: 0,
      End: count - 1
    }[event.key];
    if (target === undefined || count === 0) {
      return;
    }
    event.preventDefault();
    const next = Math.max(0, Math.min(count - 1, target));
    moving.current = true;
    reveal?.(next);
    setActive(next);
  };

  const onFocus = (event: React.FocusEvent): void => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-row]');
    // What has it until the row that is wanted is in the page is not chosen by anybody.
    if (row && !moving.current) {
      const index = Number(row.dataset.row);
      column.current = Math.max(0, controls(index).indexOf(event.target as HTMLElement));
      setActive(index);
    }
  };

  return { container: { ref, onKeyDown, onFocus }, tabIndex: index => (index === present ? 0 : -1) };
}
