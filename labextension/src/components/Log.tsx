import { useVirtualizer } from '@tanstack/react-virtual';
import React from 'react';

import type { IJob } from '../model/jobs';
import { useCondaEnv } from './context';

/** Pixels of a line that is not wrapped. */
const LINE = 16;
/** Pixels from its end within which the log is at its end. */
const NEAR = 2 * LINE;

/** What a job has told. There may be thousands of lines, of which those in sight are in the page. */
export function Log({ job }: { job: IJob }): JSX.Element {
  const { trans } = useCondaEnv();
  const { log } = job;
  const scroller = React.useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: log.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    getItemKey: index => log[index].number,
    overscan: 8
  });
  const atEnd = React.useRef(false);
  React.useEffect(() => {
    if (atEnd.current && log.length > 0) {
      virtual.scrollToIndex(log.length - 1);
    }
  }, [virtual, log.length]);
  if (log.length === 0) {
    return <p className="jp-condaenv-quiet">{trans.__('Nothing was told yet.')}</p>;
  }
  return (
    <div
      ref={scroller}
      className="jp-condaenv-log"
      role="group"
      aria-label={trans.__('Log')}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- It can be long and is then scrolled, by keys too.
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
      }}
    >
      <ol aria-label={trans.__('Log')} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, key, start }) => {
          const { kind, time, text } = log[index];
          return (
            <li
              key={key}
              ref={virtual.measureElement}
              data-index={index}
              className={`jp-mod-${kind}`}
              aria-setsize={log.length}
              aria-posinset={index + 1}
              style={{ transform: `translateY(${start}px)` }}
            >
              <time dateTime={time}>{new Date(time).toLocaleTimeString()}</time>
              <span>{text}</span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
