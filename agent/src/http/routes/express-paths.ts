/** Paths of Express as templates, and what fits them. */

/** Paths as texts; a regular expression is told as it is written. */
export function pathTexts(path: unknown): readonly string[] {
  if (typeof path === 'string') return [path]
  if (path instanceof RegExp) return [String(path)]
  return Array.isArray(path) ? path.flat(Number.POSITIVE_INFINITY).flatMap(pathTexts) : ['']
}

/** Whether a base URL and the path below it fit these templates. Parameters stand for anything but a slash. */
export function pathMatcher(prefix: string, path: string): RegExp {
  const loose = (template: string): string =>
    template.startsWith('/^') || template.includes('(?')
      ? '.*'
      : template
          .replace(/[.+^$|[\]\\]/g, '\\$&')
          .replace(/\*\w*/g, '.*')
          .replace(/:\w+\??/g, '[^/]*')
          .replace(/\{/g, '(?:')
          .replace(/\}/g, ')?')
          .replace(/\/$/, '')
  try {
    return new RegExp(`^${loose(prefix)}\n${loose(path)}/?$`, 'i')
  } catch {
    return /(?:)/
  }
}

/** Whether a path takes whatever comes. For all methods, and answered with 404, such a route is none. */
export function isWild(path: string): boolean {
  return /\*\w*\}?$/.test(path)
}
