import React from 'react';

import { useCondaEnv, useStore } from './context';
import { Button } from './controls';
import { inWords } from './troubles';

/** Says why nothing can be had of the server, for as long as that is so. */
export function Banner(): JSX.Element | null {
  const { panel, trans } = useCondaEnv();
  const { trouble } = useStore(panel.connection);
  if (!trouble) {
    return null;
  }
  const { message, hint } = inWords({ code: trouble, message: '' }, trans);
  return (
    <div role="alert" className="jp-condaenv-offline">
      <div>{message}</div>
      <div className="jp-condaenv-hint">{hint}</div>
      <Button onClick={() => panel.connection.retry()}>{trans.__('Try again')}</Button>
    </div>
  );
}
