// `npm run test:long`: what takes longer than a build may. The property tests of types, ids and engines with other values each time, and
// with ten times as many tables; ten thousand seeds of the simulation and all planted bugs; a verification of a million rows, and readers
// beside 200 commits; five minutes with logins to Vault that last seconds; five rounds of everything that is done to real processes (`test/chaos`);
// and the chart in a Kubernetes control plane, with KEDA, which take a quarter of an hour to build the first time.
process.env.MONGOLAKE_TEST_SEED ??= 'random';
process.env.MONGOLAKE_TEST_RUNS ??= '300';
process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ??= '5';
process.env.MONGOLAKE_TEST_ALL_MUTATIONS ??= '1';
process.env.MONGOLAKE_TEST_SIM_SEEDS ??= '10000';
process.env.MONGOLAKE_TEST_COMMITS ??= '200';
process.env.MONGOLAKE_TEST_VERIFY_ROWS ??= '1000000';
process.env.MONGOLAKE_TEST_VAULT_SECONDS ??= '300';
process.env.MONGOLAKE_TEST_SERVICES ??= 'redis,s3,mongodb,readers,vault,kubernetes,cluster,keda';
process.argv.push(
  'test/worker/thread/engine-property.test.ts',
  'test/shared/domain',
  'test/sim',
  'test/e2e/verify.services.test.ts',
  'test/e2e/readers-in-a-loop.services.test.ts',
  'test/e2e/vault-lasting.services.test.ts',
  'test/chaos',
  'test/kubernetes',
);
await import('./test.mjs');
