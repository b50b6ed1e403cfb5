// What JupyterLab's widgets ask of a browser when they are imported, and jsdom lacks.
globalThis.DragEvent ??= class DragEvent extends MouseEvent {} as typeof globalThis.DragEvent;
window.matchMedia ??= query =>
  ({
    matches: false,
    media: query,
    addEventListener() {},
    removeEventListener() {},
    addListener() {},
    removeListener() {}
  }) as unknown as MediaQueryList;
globalThis.requestIdleCallback ??= callback =>
  window.setTimeout(callback, 0, { didTimeout: false, timeRemaining: () => 1 });
