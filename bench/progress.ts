/** Says on stderr what is being done; results alone go to stdout. */
export function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
