/**
 * The caller's language: `?lang=`, else the best of `Accept-Language` (RFC 9110 §12.5.4), else the tenant's own, else
 * English. It goes into tool requests and cache keys, so it is always a canonical BCP 47 tag of bounded length.
 */

/** Characters of the header that are read. */
const MAX_HEADER_LENGTH = 512;

/** Longest tag accepted. */
const MAX_TAG_LENGTH = 35;

/** The tag of a caller who sent `acceptLanguage` and `lang`, under a policy with `setting` (a tag or "auto"). */
export function callerLocale(
  acceptLanguage: string | undefined,
  lang: string | undefined,
  setting: string,
): string {
  return canonicalTag(lang ?? "") ?? bestTag(acceptLanguage ?? "") ?? canonicalTag(setting) ?? "en";
}

function bestTag(header: string): string | null {
  let best: { readonly tag: string; readonly quality: number } | null = null;
  for (const item of header.slice(0, MAX_HEADER_LENGTH).split(",")) {
    const [name = "", ...parameters] = item.split(";");
    const tag = canonicalTag(name.trim());
    const quality = qualityOf(parameters);
    if (tag !== null && quality > (best?.quality ?? 0)) best = { tag, quality };
  }
  return best?.tag ?? null;
}

function qualityOf(parameters: readonly string[]): number {
  const weight = parameters
    .map((text) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/i.exec(text)?.[1])
    .find(Boolean);
  return weight === undefined ? 1 : Number(weight);
}

function canonicalTag(text: string): string | null {
  if (text.length > MAX_TAG_LENGTH || !/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/.test(text))
    return null;
  try {
    return new Intl.Locale(text).toString();
  } catch {
    return null;
  }
}
