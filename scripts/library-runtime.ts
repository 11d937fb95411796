/**
 * What the library's modules use in place of functions that Node 20 does not have. `build-library.ts` puts it in; the
 * sources, which run on newer runtimes, do not know of it.
 */

/** `Promise.withResolvers` of ES2024. */
export function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: PromiseWithResolvers<T>["resolve"] = nothing;
  let reject: PromiseWithResolvers<T>["reject"] = nothing;
  const promise = new Promise<T>((resolves, rejects) => {
    resolve = resolves;
    reject = rejects;
  });
  return { promise, resolve, reject };
}

/** `URL.parse` of the URL standard: null in place of an exception. */
export function parseUrl(url: string, base?: string): URL | null {
  try {
    return new URL(url, base);
  } catch {
    return null;
  }
}

function nothing(): void {}
