import { afterEach, beforeEach, describe } from 'vitest';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { drainAndStop, forgetAndStates, hints } from './queue-contract-end.ts';
import { ATTEMPTS } from './queue-contract-helpers.ts';
import { enqueueAndConsume, failures } from './queue-contract-run.ts';

/** What the suite wants of the queue that it is given. */
export interface QueueSettings {
  readonly attempts: number;
  readonly backoffMs: number;
}

/** What every queue does. `open` gives an empty queue; the suite closes it, and a queue closes its consumers. */
export function queueContract(open: (settings: QueueSettings) => Queue | Promise<Queue>): void {
  let queue: Queue;
  beforeEach(async () => {
    queue = await open({ attempts: ATTEMPTS, backoffMs: 20 });
  });
  afterEach(async () => {
    await queue.close();
  });
  describe('enqueue and consume', () => enqueueAndConsume(() => queue));
  describe('failures', () => failures(() => queue));
  describe('forget and states', () => forgetAndStates(() => queue));
  describe('drain and stop', () => drainAndStop(() => queue));
  describe('hints', () => hints(() => queue));
}
