import React from 'react';

import type { Explanation, Way } from '../api/client';
import { useCondaEnv } from './context';
import { Button } from './controls';

/** What takes a way out into the form that asks. */
export interface ITaker {
  canTake(way: Way): boolean;
  take(way: Way): void;
}

/** Which requests clash, through what, and the ways out that were tried. */
export function ExplanationView(props: { explanation: Explanation; taker: ITaker }): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { possible, clashes = [], ways = [], groups = [], untried = [] } = props.explanation;
  const working = ways.filter(way => way.works);
  const failing = ways.filter(way => !way.works);
  if (possible) {
    return <p role="status">{trans.__('Now it would be possible.')}</p>;
  }
  return (
    <section className="jp-condaenv-explanation" aria-label={trans.__('Explanation')}>
      {clashes.map(clash => (
        <p key={clash.requests.join()}>
          <strong>{clash.requests.join(', ')}</strong>{' '}
          {clash.requests.length > 1 ? trans.__('cannot be had together') : trans.__('cannot be had')}
          {(clash.against ?? []).length > 0 && ` ${trans.__('beside %1', clash.against?.join(', '))}`}
          {(clash.through ?? []).length > 0 && `, ${trans.__('because of %1', clash.through?.join(', '))}`}.
        </p>
      ))}
      {working.length > 0 && (
        <>
          <h4>{trans.__('What would work')}</h4>
          <ul aria-label={trans.__('What would work')}>
            {working.map(way => (
              <li key={way.text}>
                <span>
                  {sentence(way.text)}
                  {(way.gives ?? []).length > 0 && (
                    <span className="jp-condaenv-quiet-text">{trans.__('Gives %1', way.gives?.join(', '))}</span>
                  )}
                </span>
                {props.taker.canTake(way) && (
                  <Button aria-label={trans.__('Use: %1', way.text)} onClick={() => props.taker.take(way)}>
                    {trans.__('Use')}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        </>
      )}
      {working.length === 0 && <p>{trans.__('None of the ways out that were tried works.')}</p>}
      {failing.length > 0 && (
        <p className="jp-condaenv-quiet-text">
          {trans.__('Does not help: %1', failing.map(way => way.text).join('; '))}
        </p>
      )}
      {untried.map(({ text, reason }) => (
        <p key={text} className="jp-condaenv-quiet-text">
          {reason
            ? trans.__('Could not be tried: %1. %2', text, reason)
            : trans.__('There was no time to try: %1.', text)}
        </p>
      ))}
      {groups.length > 1 && (
        <>
          <h4>{trans.__('In environments of their own')}</h4>
          <ul aria-label={trans.__('In environments of their own')}>
            {groups.map(({ specs }) => (
              <li key={specs.join()}>
                <span>{specs.join(', ')}</span>
                <Button
                  aria-label={trans.__('New environment: %1', specs.join(', '))}
                  onClick={() => panel.draftOf(specs)}
                >
                  {trans.__('New')}
                </Button>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
