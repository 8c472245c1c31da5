/** The terminal on stderr: lines that are redrawn in place, and text that scrolls above them. */
export interface Screen {
  /** False where stderr is a pipe or a file: nothing is drawn then. */
  readonly interactive: boolean;
  /** Draws lines in place of those drawn before. */
  draw(lines: readonly string[]): void;
  /** Writes text above what is drawn. */
  print(text: string): void;
}

export async function createScreen(stream: NodeJS.WriteStream = process.stderr): Promise<Screen> {
  if (!stream.isTTY) return { interactive: false, draw() {}, print: (text) => void stream.write(text) };
  // Loaded where somebody looks on: it takes as long as a tenth of the start.
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stream);
  let drawn = '';
  const draw = (text: string) => {
    drawn = text;
    if (text === '') update.clear();
    else update(text);
  };
  return {
    interactive: true,
    draw: (lines) => draw(lines.join('\n')),
    print(text) {
      update.clear();
      stream.write(text);
      if (drawn !== '') update(drawn);
    },
  };
}
