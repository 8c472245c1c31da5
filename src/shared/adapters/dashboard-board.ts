import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyPluginCallback } from 'fastify';
import { describeJob, type StoredJobView, unitOf } from './dashboard-job.ts';
import { BASE_PATH, LOGO_PATH } from './dashboard-pages.ts';

const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';
const FONTS = { 'font-sans': SANS, 'font-mono': MONO };

export interface BoardOptions {
  readonly readOnly: boolean;
  /** Runs what asks Redis, in bounded time; what it throws is shown to people. */
  readonly ask: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Bull Board over `queue`, as a plugin to register at `BASE_PATH`. */
export function bullBoard(queue: Queue, { readOnly, ask }: BoardOptions): FastifyPluginCallback {
  const server = new FastifyAdapter().setBasePath(BASE_PATH);
  const setApiRoutes = server.setApiRoutes.bind(server);
  server.setApiRoutes = (routes) =>
    setApiRoutes(routes.map((route) => ({ ...route, handler: (request) => ask(async () => route.handler(request)) })));
  createBullBoard({
    queues: [describedQueue(queue, readOnly)],
    serverAdapter: server,
    options: {
      uiConfig: {
        boardTitle: 'mongolake',
        boardLogo: { path: LOGO_PATH, width: 28, height: 28 },
        favIcon: { default: LOGO_PATH, alternative: LOGO_PATH },
        hideDocsLink: true,
        miscLinks: [{ text: 'Overview', url: '/' }],
        theme: { light: FONTS, dark: FONTS },
      },
    },
  });
  return server.registerPlugin();
}

function describedQueue(queue: Queue, readOnly: boolean): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, {
    readOnlyMode: readOnly,
    description: 'Extract jobs read a source, merge jobs rewrite one partition of a table.',
  });
  const [getJob, getJobs] = [adapter.getJob.bind(adapter), adapter.getJobs.bind(adapter)];
  adapter.getJob = async (id) => {
    const job = await getJob(id);
    return job && described(job);
  };
  adapter.getJobs = async (...range) => (await getJobs(...range)).map(described);
  // No job of ours waits for others: a tab less, and the ones that matter fit on a small screen.
  const statuses = adapter.getStatuses().filter((status) => status !== 'waiting-children');
  adapter.getStatuses = () => statuses;
  // What people edit must be what the worker reads.
  if (readOnly) adapter.setFormatter('data', unitOf);
  return adapter;
}

/** Bull Board shows what `toJSON` gives, and changes the job itself. */
function described<T extends { toJSON(): StoredJobView }>(job: T): T {
  const toJson = job.toJSON.bind(job);
  job.toJSON = () => describeJob(toJson());
  return job;
}
