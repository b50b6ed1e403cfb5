import type { TranslationBundle } from '@jupyterlab/translation';

interface IFailure {
  code?: string;
  message: string;
  hint?: string;
}

/** What to say of `failure`: what the engine says of it, or our own words where the answer was not the engine's. */
export function inWords(failure: IFailure, trans: TranslationBundle): { message: string; hint?: string } {
  switch (failure.code) {
    case 'offline':
      return {
        message: trans.__('The server cannot be reached.'),
        hint: trans.__('What is shown is what was known last. It goes on by itself when the server is back.')
      };
    case 'no_extension':
      return {
        message: trans.__('This Jupyter server does not have jupyter_condaenv.'),
        hint: trans.__(
          'Install it into the environment that the server runs in, enable it by “jupyter server extension enable jupyter_condaenv”, and restart the server.'
        )
      };
    case 'logged_out':
      return {
        message: trans.__('You are not logged in any more.'),
        hint: trans.__('Log in again in another tab: it then goes on here, and what was typed stays.')
      };
    case 'forbidden':
      return {
        message: trans.__('You may not do this.'),
        hint: trans.__('Ask those who run this Jupyter server whether they allow it to you.')
      };
    case 'server_error':
      return {
        message: trans.__('The server has made a mistake.'),
        hint: trans.__('Try again. Where that does not help, the log of the server says what it was.')
      };
    case 'strange_answer':
      return {
        message: trans.__('The answer is not one of jupyter_condaenv (%1).', failure.message),
        hint: trans.__(
          'Something between this page and the server may have answered. Try again, or load the page anew.'
        )
      };
    default:
      return failure;
  }
}
