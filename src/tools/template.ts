/**
 * Request templates: text with `{name}` for an argument and `{{secret.name}}` for a secret.
 *
 * A template is cut into parts once and filled in one pass, so what an argument or a secret holds is data and never
 * read as a template again. Braces around anything that is no name are plain text.
 */

/** A piece of a template. */
export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "argument"; readonly name: string }
  | { readonly kind: "secret"; readonly name: string };

const SECRET = /\{\{secret\.[a-z0-9][a-z0-9_-]{0,63}\}\}/g;

const PLACEHOLDER =
  /\{\{secret\.([a-z0-9][a-z0-9_-]{0,63})\}\}|\{([A-Za-z_$@][A-Za-z0-9_$@.-]{0,127})\}/g;

/** Cuts a template into its parts; neighbouring texts are one part. */
export function parseTemplate(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (const match of template.matchAll(PLACEHOLDER)) {
    const [whole, secret, argument] = match;
    if (match.index > at) parts.push({ kind: "text", text: template.slice(at, match.index) });
    if (secret !== undefined) parts.push({ kind: "secret", name: secret });
    else if (argument !== undefined) parts.push({ kind: "argument", name: argument });
    at = match.index + whole.length;
  }
  if (at < template.length) parts.push({ kind: "text", text: template.slice(at) });
  return parts;
}

/** Names of the arguments, in order, repeated as often as they stand there. */
export function argumentNames(template: string): readonly string[] {
  return parseTemplate(template).flatMap((part) => (part.kind === "argument" ? [part.name] : []));
}

/** Names of the secrets, in order. */
export function secretNames(template: string): readonly string[] {
  return parseTemplate(template).flatMap((part) => (part.kind === "secret" ? [part.name] : []));
}

/** True when double braces stand anywhere but around a secret's name. */
export function hasStrayBraces(template: string): boolean {
  return /\{\{|\}\}/.test(template.replaceAll(SECRET, ""));
}

/** A URL template cut where the rules change. */
export interface UrlTemplate {
  /** Scheme, host and port: never holds a placeholder. */
  readonly origin: string;
  /** Starts with `/`, or is empty. */
  readonly path: string;
  /** Fixed query, starting with `?`, or empty. */
  readonly search: string;
}

/** Cuts an absolute URL, or null when it is none or has a fragment. Whether it may be fetched is not decided here. */
export function parseUrlTemplate(url: string): UrlTemplate | null {
  const match = /^(https?:\/\/[^/?#\\]+)([^?#]*)(\?[^#]*)?$/i.exec(url);
  if (match === null) return null;
  const [, origin = "", path = "", search = ""] = match;
  return { origin, path, search };
}
