/**
 * Rules on source text that no linter here knows: a header in every module, a doc comment on every export, one way to
 * import zod, no rule switched off, no unfinished business.
 *
 * Text is enough, because oxfmt puts every export at the start of a line. Strings that span lines could hold a line
 * that looks like an export; that errs on the safe side.
 */

/** A test says what it proves in its names. */
const NEEDS_HEADER = /(?<!\.test)\.ts$/;

/** Folders whose exports need a doc comment. */
const DOCUMENTED = /^(src|durable-objects|dev|bench|scripts)\//;

const EXPORT =
  /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|namespace) ([A-Za-z0-9_$]+)/;

/** A Durable Object's class is what its module's header is about. */
const DOCUMENTED_BY_HEADER = /^durable-objects\/.*\nexport class /;

const SWITCHED_OFF = /\b(oxlint|eslint)-disable|@ts-(ignore|expect-error|nocheck)\b/;
/** In a comment; a test may well speak of code that holds one. */
const UNFINISHED = /(^|\s)(\/\/|\*) ?(TODO|FIXME|XXX)\b/;

/** True when the line before `index` closes a doc comment. An overload or a type of the same name shares its own. */
function hasDocComment(lines: readonly string[], index: number): boolean {
  const before = lines[index - 1]?.trimEnd() ?? "";
  if (!before.endsWith("*/")) return false;
  for (let line = index - 1; line >= 0; line -= 1) {
    const text = lines[line]?.trimStart() ?? "";
    if (text.startsWith("/**")) return true;
    if (text.startsWith("/*")) return false;
  }
  return false;
}

/** Sentences on what is wrong with one source file; empty when nothing is. `file` is its path from the root. */
export function sourceFaults(file: string, text: string): string[] {
  const lines = text.split("\n");
  const faults: string[] = [];
  const start = lines[0]?.startsWith("#!") === true ? 1 : 0;
  if (NEEDS_HEADER.test(file) && lines[start]?.startsWith("/**") !== true)
    faults.push(`${file}:1: no header comment`);
  for (const [index, line] of lines.entries()) {
    const at = `${file}:${index + 1}`;
    const name = EXPORT.exec(line)?.[1];
    const isHeaders = DOCUMENTED_BY_HEADER.test(`${file}\n${line}`);
    if (name !== undefined && DOCUMENTED.test(file) && !isHeaders && !hasDocComment(lines, index)) {
      faults.push(`${at}: export ${name} has no doc comment`);
    }
    if (/^import \{.*\} from "zod/.test(line))
      faults.push(`${at}: import zod as \`* as z from "zod/mini"\``);
    if (SWITCHED_OFF.test(line)) faults.push(`${at}: a rule is switched off`);
    if (UNFINISHED.test(line)) faults.push(`${at}: TODO and the like belong to the issue tracker`);
  }
  return faults;
}
