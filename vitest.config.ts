import { defineConfig } from 'vitest/config';
import { countLine } from './test/reporter.ts';

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [countLine()],
        test: {
          name: 'unit',
          // A core each, also on a machine of two, of which one would be left idle. The servers' suites come after it, one by one.
          maxWorkers: '100%',
          sequence: { groupOrder: 1 },
          setupFiles: ['test/property-seed.ts'],
          // What is told to people is compared without colours, wherever the tests run: CI turns them on, a pipe off.
          env: { NO_COLOR: '1' },
          testTimeout: 60_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.services.test.ts', '**/node_modules/**'],
        },
      },
      {
        plugins: [countLine()],
        test: {
          name: 'services',
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          setupFiles: ['test/property-seed.ts'],
          include: ['test/**/*.services.test.ts'],
          globalSetup: ['test/services/global-setup.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
