/** Words of a text, shared by the sample search and the scripted model's choice of tools. */

/** Lower-case words of a text; a plural s is dropped so that "limits" finds "limit". */
export function wordsOf(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map((word) =>
    word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word,
  );
}
