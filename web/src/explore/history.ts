/** The last questions, newest first, each once, kept in this browser only. */
const KEY = 'assay-asked'
export const MAX_ASKED = 12
const MAX_CHARS = 2_000

/** The list with `expr` in front. Pure. */
export function withAsked(list: readonly string[], expr: string): readonly string[] {
  if (expr.length > MAX_CHARS) return list
  return [expr, ...list.filter((other) => other !== expr)].slice(0, MAX_ASKED)
}

/** What is stored may be anything: only short texts are taken. */
export function parseAsked(text: string | null): readonly string[] {
  try {
    const list: unknown = JSON.parse(text ?? '[]')
    if (!Array.isArray(list)) return []
    return list
      .filter((item): item is string => typeof item === 'string' && item.length <= MAX_CHARS)
      .slice(0, MAX_ASKED)
  } catch {
    return []
  }
}

export function asked(): readonly string[] {
  try {
    return parseAsked(localStorage.getItem(KEY))
  } catch {
    return []
  }
}

export function remember(expr: string): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(withAsked(asked(), expr)))
  } catch {
    // A browser that forbids storage asks without a memory.
  }
}
