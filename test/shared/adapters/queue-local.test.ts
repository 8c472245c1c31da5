import { describe } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { localQueue } from '../../../src/shared/adapters/queue-local.ts';
import { queueContract } from '../../contracts/queue-contract.ts';

describe('local queue', () => {
  queueContract((settings) => localQueue(systemClock(), settings));
});
