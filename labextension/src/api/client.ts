import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import createClient from 'openapi-fetch';

import type { components, paths } from './schema';

export type Schemas = components['schemas'];

export type Environment = Schemas['Environment'];
export type EnvironmentDetail = Schemas['EnvironmentDetail'];
export type Package = Schemas['Package'];
export type PipPackage = Schemas['PipPackage'];
export type PipPart = Schemas['PipPart'];
export type RevisionSummary = Schemas['RevisionSummary'];
export type Plan = Schemas['Plan'];
export type Room = Schemas['Room'];
export type Change = Schemas['Change'];
export type JobSummary = Schemas['JobSummary'];
export type JobHistory = Schemas['JobHistory'];
export type NumberedEvent = Schemas['NumberedEvent'];
export type Outcome = Schemas['Outcome'];
export type Failure = Schemas['Failure'];
export type Health = Schemas['Health'];
export type Finding = Schemas['Finding'];
export type Notes = Schemas['Notes'];
export type NewNotes = Schemas['NewNotes'];
export type Storage = Schemas['Storage'];
export type Lock = Schemas['Lock'];
export type FoundPackage = Schemas['FoundPackage'];
export type PackageIndex = Schemas['ChannelIndex'];
export type When = NonNullable<Schemas['NewApplication']['when']>;
export type Explanation = Schemas['Explanation'];
export type GivenFile = Schemas['GivenFile'];
export type ReadFile = Schemas['ReadFile'];
export type Way = Schemas['Way'];
export type NewEnvironment = Schemas['NewEnvironment'];
export type NewStack = Schemas['NewStack'];
export type NewExplanation = Schemas['ExplainCreation'] | Schemas['ExplainStack'] | Schemas['ExplainChange'];
export type NewPlan = Schemas['PlanCreation'] | Schemas['PlanStack'] | Schemas['PlanChange'] | Schemas['PlanRollback'];

/**
 * What the server refused. Where it is not the extension that says so, `code` is `offline`, `no_extension`, `logged_out`,
 * `forbidden`, `server_error` or `strange_answer`, and what is told of it is left to others.
 */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint = '',
    readonly details: Record<string, unknown> = {}
  ) {
    super(message);
  }
}

export type Api = ReturnType<typeof connect>;

/** Every call to the server extension, and nothing else. Each raises an ApiError. */
export function connect(settings: ServerConnection.ISettings) {
  const client = createClient<paths>({
    baseUrl: URLExt.join(settings.baseUrl, 'condaenv'),
    fetch: request => send(request, settings)
  });
  const at = (environment: string) => ({ path: { environment } });
  return {
    environments: async () => (await unwrap(client.GET('/environments'))).environments,
    environment: (environment: string) =>
      unwrap(client.GET('/environments/{environment}', { params: at(environment) })),
    packages: (environment: string) =>
      unwrap(
        client.GET('/environments/{environment}/packages', {
          params: at(environment)
        })
      ),
    lock: (environment: string) =>
      unwrap(
        client.GET('/environments/{environment}/lock', {
          params: at(environment)
        })
      ),
    openTerminal: async (environment: string) =>
      (
        await unwrap(
          client.POST('/environments/{environment}/terminals', {
            params: at(environment),
            body: {}
          })
        )
      ).name,
    revisions: (environment: string) =>
      unwrap(
        client.GET('/environments/{environment}/revisions', {
          params: at(environment)
        })
      ),
    create: (body: NewEnvironment) => unwrap(client.POST('/environments', { body })),
    stack: (body: NewStack) => unwrap(client.POST('/stacks', { body })),
    clone: (environment: string, name: string) =>
      unwrap(
        client.POST('/environments/{environment}/clones', {
          params: at(environment),
          body: { name }
        })
      ),
    remove: (environment: string) =>
      unwrap(
        client.DELETE('/environments/{environment}', {
          params: at(environment)
        })
      ),
    deferred: (environment: string) =>
      unwrap(
        client.GET('/environments/{environment}/deferred', {
          params: at(environment)
        })
      ),
    dropDeferred: (environment: string) =>
      unwrap(
        client.DELETE('/environments/{environment}/deferred', {
          params: at(environment)
        })
      ),
    applyDeferred: (environment: string) =>
      unwrap(
        client.POST('/environments/{environment}/deferred/application', {
          params: at(environment),
          body: {}
        })
      ),
    annotate: (environment: string, body: NewNotes) =>
      unwrap(
        client.PATCH('/environments/{environment}/notes', {
          params: at(environment),
          body
        })
      ),
    health: (environment: string) =>
      unwrap(
        client.GET('/environments/{environment}/health', {
          params: at(environment)
        })
      ),
    examine: (environment: string, fix: boolean) =>
      unwrap(
        client.POST('/environments/{environment}/health', {
          params: at(environment),
          body: { fix }
        })
      ),
    makePlan: (body: NewPlan) => unwrap(client.POST('/plans', { body })),
    plan: (plan: string) => unwrap(client.GET('/plans/{plan}', { params: { path: { plan } } })),
    applyPlan: (plan: string, when: When) =>
      unwrap(
        client.POST('/plans/{plan}/application', {
          params: { path: { plan } },
          body: { when }
        })
      ),
    readFile: (body: GivenFile) => unwrap(client.POST('/files', { body })),
    explain: (body: NewExplanation) => unwrap(client.POST('/explanations', { body })),
    jobs: async (limit: number) =>
      (await unwrap(client.GET('/jobs', { params: { query: { limit, changing: true } } }))).jobs,
    job: (job: string, since: number) =>
      unwrap(client.GET('/jobs/{job}', { params: { path: { job }, query: { since } } })),
    cancel: (job: string) => unwrap(client.DELETE('/jobs/{job}', { params: { path: { job } } })),
    search: (q: string, limit: number, offset: number, environment: string) =>
      unwrap(client.GET('/packages', { params: { query: { q, limit, offset, environment } } })),
    indexChannels: (channels: readonly string[]) =>
      unwrap(client.POST('/packages', { body: { channels: [...channels] } })),
    scan: () => unwrap(client.POST('/scan', { body: {} })),
    storage: () => unwrap(client.GET('/storage')),
    measure: () => unwrap(client.POST('/storage', { body: {} }))
  };
}

async function send(request: Request, settings: ServerConnection.ISettings): Promise<Response> {
  const body = await request.text();
  const init: RequestInit = {
    method: request.method,
    headers: Object.fromEntries(request.headers),
    signal: request.signal
  };
  if (body) {
    init.body = body;
  }
  const response = await ServerConnection.makeRequest(request.url, init, settings);
  return response.status === 403 && !(await isLoggedIn(settings)) ? new Response(null, { status: 401 }) : response;
}

/** Jupyter refuses those whose login has expired as it refuses those who may not do something. */
async function isLoggedIn(settings: ServerConnection.ISettings): Promise<boolean> {
  const { status } = await ServerConnection.makeRequest(URLExt.join(settings.baseUrl, 'api/me'), {}, settings);
  return status !== 401 && status !== 403;
}

interface IAnswer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function unwrap<T>(call: Promise<IAnswer<T>>): Promise<T> {
  let answer: IAnswer<T>;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof ServerConnection.NetworkError) {
      throw new ApiError('offline', '');
    }
    throw error;
  }
  if (answer.response.ok) {
    return answer.data as T;
  }
  throw refusal(answer.response.status, answer.error);
}

/** What these say is the same, whoever says it. */
const CODES = new Map([
  [401, 'logged_out'],
  [403, 'forbidden'],
  [500, 'server_error']
]);

/** What these say where it is not the extension that answers; 424 is how a hub tells that a server does not run. */
const STRANGE = new Map([[404, 'no_extension'], ...[424, 502, 503, 504].map(status => [status, 'offline'] as const)]);

/** What an answer that is not ours tells is of no use: it comes from a proxy, or from a page that asks for a login. */
function refusal(status: number, told: unknown): ApiError {
  const code = CODES.get(status);
  if (code) {
    return new ApiError(code, '');
  }
  const failure = told as Partial<Failure> | null;
  if (failure && typeof failure === 'object' && failure.code) {
    const { code, message = '', hint, details } = failure;
    // Which field of the request it is about is of interest to programs alone.
    const field = `${String(details?.field)}: `;
    return new ApiError(code, message.startsWith(field) ? message.slice(field.length) : message, hint, details);
  }
  return new ApiError(STRANGE.get(status) ?? 'strange_answer', `HTTP ${status}`);
}
