import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/** What a run came to. `failed` also counts files that can't be loaded, suites whose hooks failed and errors outside of tests. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A suite, or a test outside of one, that was not run. */
export interface Skipped {
  /** File, suites and name, joined by " > ". For `describeWith` suites the name ends in the reason. */
  readonly name: string;
  readonly tests: number;
  /** What was given to `ctx.skip`. */
  readonly note?: string;
}

/** The last line of a run: `12 passed, 0 failed, 3 skipped`. */
export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Counts what ran; `errorCount` are errors outside of any test. */
export function countTests(modules: readonly TestModule[], errorCount: number): Counts {
  const counts = { passed: 0, failed: errorCount, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length > 0 ? 1 : 0;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length > 0 ? 1 : 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that never ended, because the run was interrupted, has not passed.
      if (state === 'pending') counts.skipped += 1;
      else counts[state] += 1;
    }
  }
  return counts;
}

/** The outermost suites, or single tests, that were skipped. */
export function listSkipped(modules: readonly TestModule[]): Skipped[] {
  return modules.flatMap((module) => skippedIn(module, module.relativeModuleId));
}

function skippedIn(parent: TestModule | TestSuite, path: string): Skipped[] {
  return [...parent.children].flatMap((child) => {
    const name = `${path} > ${child.name}`;
    if (child.type === 'test') return skippedTest(child, name);
    if (child.options.mode !== 'skip') return skippedIn(child, name);
    return [{ name, tests: [...child.children.allTests()].length }];
  });
}

function skippedTest(test: TestCase, name: string): Skipped[] {
  const result = test.result();
  if (result.state !== 'skipped') return [];
  return [{ name, tests: 1, ...(result.note === undefined ? {} : { note: result.note }) }];
}

/**
 * Lists what was skipped and ends with the count line. With MONGOLAKE_TEST_COUNTS (a file) the line goes there instead, for
 * scripts/test.mjs to print when nothing can print after it any more.
 */
export class CountReporter implements Reporter {
  readonly #vitest: Vitest;

  constructor(vitest: Vitest) {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const { logger, config } = this.#vitest;
    // With a name filter almost everything is skipped; that says nothing.
    const skipped = config.testNamePattern === undefined ? listSkipped(modules) : [];
    if (skipped.length > 0) logger.log('Skipped:');
    for (const { name, tests, note } of skipped) {
      logger.log(`  ${name} [${tests === 1 ? '1 test' : `${tests} tests`}]${note === undefined ? '' : `: ${note}`}`);
    }
    const line = countsLine(countTests(modules, errors.length));
    const file = process.env.MONGOLAKE_TEST_COUNTS;
    if (file) writeFileSync(file, line);
    else logger.log(line);
  }
}

/** A plugin that adds the reporter to whatever reporters are chosen, also with `--reporter`. */
export function countLine() {
  return {
    name: 'mongolake-count-line',
    configureVitest({ vitest }: { vitest: Vitest }): void {
      const reporters = vitest.config.reporters as unknown[];
      if (!reporters.some((reporter) => reporter instanceof CountReporter)) reporters.push(new CountReporter(vitest));
    },
  };
}
