/**
 * Objects that answer a wrong name with a sentence instead of `undefined`.
 *
 * Types catch a wrong reference in the editor; a definition that runs without having been type-checked must not fail
 * three lines later with "cannot read properties of undefined".
 */
import { AssayError, editDistance } from '#core'

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
      const nearest = known.toSorted((a, b) => editDistance(a, name) - editDistance(b, name))[0]
      const hint =
        nearest === undefined
          ? ''
          : `; write ${path}.${nearest}${known.length > 1 ? ` (there are ${known.join(', ')})` : ''}`
      throw new AssayError('ASSAY_MODEL_UNKNOWN', `${path} has no ${JSON.stringify(name)}${hint}`)
    },
  })
}
