import React from 'react';

const FOCUSABLE = 'button, input, select, textarea, a[href], jp-button, [tabindex="0"]';

/** Where the focus is, and what is around it, as long as it is there. */
interface IHeld {
  element: HTMLElement;
  /** From what is next to it to the panel. */
  ancestors: readonly HTMLElement[];
  /** All that could have had it, in the order of the page. */
  order: readonly HTMLElement[];
}

/**
 * What takes the focus when it comes: the element of the returned ref, or what `find` finds, whenever `arrived` becomes
 * another thing and is one. A person who is busy outside the panel is not called away.
 */
export function useArrival<E extends HTMLElement>(
  arrived: unknown,
  find?: () => HTMLElement | null
): React.RefObject<E> {
  const ref = React.useRef<E>(null);
  React.useLayoutEffect(() => {
    const element = find ? find() : ref.current;
    const active = document.activeElement;
    if (arrived && element && (isNowhere(active) || element.closest('.jp-condaenv-panel')?.contains(active))) {
      element.focus();
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `find` is asked when something arrives, and only then
  }, [arrived]);
  return ref;
}

/** When what is `open` ends, what had the focus when it began has it again, unless something else takes it then. */
export function useReturn(open: boolean): void {
  const opener = React.useRef<Element | null>(null);
  const wasOpen = React.useRef(false);
  if (open && !wasOpen.current) {
    opener.current = document.activeElement; // while it is still there: what opens may disable it
  }
  wasOpen.current = open;
  useArrival(!open && opener.current, () => (opener.current instanceof HTMLElement ? opener.current : null));
}

/**
 * Has something in `panel` keep the focus, whatever becomes of what has it: it is taken away, hidden or disabled while
 * a job goes on, without anything coming that takes it by `useArrival`.
 *
 * In a list the next one has it then, elsewhere what around it is marked by `data-home`. Returns what ends this.
 */
export function keepFocus(panel: HTMLElement): () => void {
  let held: IHeld | null = null;
  let frame = 0;
  const take = (event: FocusEvent): void => {
    const element = event.target as HTMLElement;
    const ancestors: HTMLElement[] = [];
    for (let one = element.parentElement; one && one !== panel.parentElement; one = one.parentElement) {
      ancestors.push(one);
    }
    held = { element, ancestors, order: focusable(panel) };
  };
  const leave = (): void =>
    // What is taken from the page may tell that it loses the focus: then nobody has gone elsewhere.
    queueMicrotask(() => {
      if (held && isThere(held.element) && document.activeElement !== held.element) {
        held = null;
      }
    });
  const look = (): void => {
    const active = document.activeElement;
    if (held && !isThere(held.element) && (isNowhere(active) || active === held.element)) {
      heir(held, panel)?.focus({ preventScroll: true });
    }
  };
  // Once what comes in its place had its turn.
  const observer = new MutationObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(look);
  });
  panel.addEventListener('focusin', take);
  panel.addEventListener('focusout', leave);
  observer.observe(panel, { subtree: true, childList: true, attributeFilter: ['disabled', 'hidden'] });
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    panel.removeEventListener('focusin', take);
    panel.removeEventListener('focusout', leave);
  };
}

/** Nothing has the focus. */
function isNowhere(active: Element | null): boolean {
  return !active || active === document.body;
}

function isThere(element: HTMLElement): boolean {
  return element.isConnected && !element.matches(':disabled') && !element.closest('[hidden], .lm-mod-hidden');
}

function focusable(within: HTMLElement): HTMLElement[] {
  return Array.from(within.querySelectorAll<HTMLElement>(FOCUSABLE)).filter(isThere);
}

function heir({ element, ancestors, order }: IHeld, panel: HTMLElement): HTMLElement | undefined {
  const place = order.indexOf(element);
  for (const ancestor of ancestors.filter(isThere)) {
    const here = focusable(ancestor);
    if (ancestor.closest('ul, ol')) {
      const isHere = (one: HTMLElement): boolean => here.includes(one);
      const next = order.slice(place + 1).find(isHere) ?? order.slice(0, place).reverse().find(isHere) ?? here[0];
      if (next) {
        return next;
      }
    }
    const homes = Array.from(ancestor.querySelectorAll<HTMLElement>('[data-home]')).filter(isThere);
    const home = ancestor.matches('[data-home]') ? ancestor : homes[0];
    if (home) {
      return home;
    }
  }
  return focusable(panel)[0];
}
