import { useVirtualizer } from '@tanstack/react-virtual';
import React from 'react';

import { useRows } from './rows';

interface IVirtualList {
  label: string;
  count: number;
  /** Pixels that each row is high. */
  rowHeight: number;
  /** What is in a row; its controls take the given `tabIndex`. */
  row(index: number, tabIndex: 0 | -1): React.ReactNode;
  className?: string;
  /** These rows are seen. */
  onSeen?(first: number, last: number): void;
}

/** Any number of rows, of which only those in sight are in the page. */
export function VirtualList(props: IVirtualList): JSX.Element {
  const { label, count, rowHeight, row, onSeen } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8
  });
  const rows = useRows<HTMLUListElement>(count, index => virtual.scrollToIndex(index));
  const items = virtual.getVirtualItems();
  const first = items[0]?.index;
  const last = items[items.length - 1]?.index;
  React.useEffect(() => {
    if (first !== undefined && last !== undefined) {
      onSeen?.(first, last);
    }
  }, [first, last, onSeen]);
  return (
    <div ref={scroller} className={`jp-condaenv-scroller ${props.className ?? ''}`}>
      <ul aria-label={label} style={{ height: virtual.getTotalSize() }} {...rows.container}>
        {items.map(item => (
          <li
            key={item.key}
            data-row={item.index}
            aria-setsize={count}
            aria-posinset={item.index + 1}
            style={{ height: rowHeight, transform: `translateY(${item.start}px)` }}
          >
            {row(item.index, rows.tabIndex(item.index))}
          </li>
        ))}
      </ul>
    </div>
  );
}
