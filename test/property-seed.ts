import fc from 'fast-check';

/** Property tests draw the same values in every run, so that a red build is about the change in it; MONGOLAKE_TEST_SEED explores. */
const seed = process.env.MONGOLAKE_TEST_SEED;
if (seed !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed ?? 20_261_122) });
