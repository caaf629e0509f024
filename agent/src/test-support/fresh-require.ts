/** Loads a CommonJS package anew, so that hooks which were set after it was first loaded see it being loaded. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export function freshRequire<T>(name: string, packages: readonly string[] = [name]): T {
  for (const path of Object.keys(require.cache)) {
    const file = path.replaceAll('\\', '/')
    if (packages.some((one) => file.includes(`/node_modules/${one}/`))) delete require.cache[path]
  }
  return require(name) as T
}
