/**
 * Objects that answer a wrong name with a sentence instead of `undefined`.
 *
 * Types catch a wrong reference in the editor; a definition that runs without having been type-checked must not fail
 * three lines later with "cannot read properties of undefined".
 */
import { AssayError } from '#core'

/** Names that the language and its tools ask for by themselves. */
const ASKED_BY_TOOLS = new Set([
  'then',
  'toJSON',
  'constructor',
  'toString',
  'valueOf',
  'inspect',
  'nodeType',
  '$$typeof',
])

/** The same object, throwing `ASSAY_MODEL_UNKNOWN` for names it does not have. `path` is how the user would write it: `api.latency`. */
export function guarded<T extends object>(path: string, object: T): T {
  return new Proxy(object, {
    get(target, name, receiver) {
      if (typeof name === 'symbol' || name in target || ASKED_BY_TOOLS.has(name))
        return Reflect.get(target, name, receiver)
      const known = Object.keys(target)
      const nearest = known.toSorted((a, b) => distance(a, name) - distance(b, name))[0]
      const hint =
        nearest === undefined
          ? ''
          : `; write ${path}.${nearest}${known.length > 1 ? ` (there are ${known.join(', ')})` : ''}`
      throw new AssayError('ASSAY_MODEL_UNKNOWN', `${path} has no ${JSON.stringify(name)}${hint}`)
    },
  })
}

/** Levenshtein's edit distance: how many letters to change, add or drop. Names are short, so the plain table is enough. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      )
    }
    row = next
  }
  return row[b.length] ?? 0
}
