/** Runs a command and sets the exit code. What a command needs is loaded with it: the SDKs take longer than many commands do. */
export function action<A extends unknown[]>(run: (...args: A) => Promise<number>): (...args: A) => Promise<void> {
  return async (...args) => {
    process.exitCode = await run(...args);
  };
}
