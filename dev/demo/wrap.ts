/** Wraps streamed text at word boundaries without waiting for the end of a line; keeps one empty line at most. */

/** Writes pieces of a stream so that no line is longer than `width`; call `end` to write the last word. */
export function createWrapper(
  width: number,
  write: (text: string) => void,
): { readonly push: (piece: string) => void; readonly end: () => void } {
  let column = 0;
  let word = "";
  let space = "";
  let newlines = 0;
  function flush(): void {
    if (word === "") return;
    if (column + space.length + word.length > width && column > 0) {
      write(`\n${word}`);
      column = word.length;
    } else {
      write(space + word);
      column += space.length + word.length;
    }
    word = "";
    space = "";
    newlines = 0;
  }
  return {
    push(piece) {
      for (const character of piece) {
        if (character === "\n") {
          flush();
          newlines += 1;
          if (newlines <= 2) write("\n");
          column = 0;
          space = "";
        } else if (character === " ") {
          flush();
          space += character;
        } else {
          word += character;
        }
      }
    },
    end: flush,
  };
}
