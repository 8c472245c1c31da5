import { type OpenedConfig, openConfig } from '../app/app.ts';
import { interrupted } from '../app/interrupted.ts';
import { keepSecrets } from '../app/keep-secrets.ts';
import type { RunView } from '../app/runs.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { LogFields, Logger } from '../shared/ports/logger.ts';
import type { CallOptions, MongolakeLogger, TableProgress } from './options.ts';

/**
 * One call of the library: opens the configuration for it, and leaves nothing behind. Nothing is printed, and nothing of the process is
 * changed. Rejects with a `MongolakeError` whatever happens; with `INTERRUPTED` where the signal comes before `work` begins.
 */
export async function call<R>(options: CallOptions, work: (app: OpenedConfig) => Promise<R>): Promise<R> {
  const { config, env = process.env, logger } = options;
  const { signal, release } = follow(options.signal);
  const ended = new AbortController();
  try {
    signal.throwIfAborted();
    const app = await openConfig({ config, env, signal, logger: () => toLogger(logger) });
    signal.throwIfAborted();
    keepSecrets(app, AbortSignal.any([signal, ended.signal]), false);
    return await work(app);
  } catch (error) {
    throw asMongolakeError(error);
  } finally {
    ended.abort();
    release();
  }
}

/** A signal that ends runs with an error of ours when the caller's comes. */
function follow(outer: AbortSignal | undefined): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  const stop = () => controller.abort(interrupted("the caller's signal", outer?.reason));
  if (outer?.aborted) stop();
  else outer?.addEventListener('abort', stop, { once: true });
  return { signal: controller.signal, release: () => outer?.removeEventListener('abort', stop) };
}

/** Tells the caller how far runs are. */
export function viewFor(onProgress: ((progress: TableProgress) => void) | undefined): RunView {
  return {
    listenerFor: (table, logger) => (progress) => {
      try {
        onProgress?.({ table, ...progress });
      } catch (error) {
        logger.warn('onProgress threw', { error: error instanceof Error ? error.message : String(error) });
      }
    },
  };
}

function toLogger(sink: MongolakeLogger | undefined, own: LogFields = {}): Logger {
  const line = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    try {
      sink?.[level](message, { ...own, ...fields });
    } catch {
      // A log that fails stops no run, and there is nobody else to tell.
    }
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => toLogger(sink, { ...own, ...fields }),
  };
}
