/**
 * Stands in front of the code of a start-up image: modules that must not lie in one are named when it is made, and loaded when it runs.
 *
 * - While the image is made, such a module gives a stand-in for whatever is asked of it. Calling, constructing or reading one then is an
 *   error, so that no image is made that holds, say, a random number of the machine that made it.
 * - Once the image runs, the module gives what it has, and a stand-in that was kept does what it stands for.
 * - A few calls have no result and are wanted in each process: they are noted, and made when the image begins to run.
 */
import type { createRequire } from 'node:module'

export type ImageRuntime = {
  /** The program's file, as the process that runs knows it. */
  file: string
  /** Stands for a module. */
  module(name: string): object
  /** As `import()`, which the code of an image does not have. */
  import(name: string): Promise<unknown>
  /** The first call of the process that runs. `file`: of a program beside the image. */
  begin(file: string, importer: (name: string) => Promise<unknown>): void
}

type Callable = (...args: unknown[]) => unknown

/** `file`: of the image's code. `repeated`: calls that are made again, as `module.name`. Its text is copied into the image: it uses nothing from outside. */
export function imageRuntime(file: string, repeated: readonly string[]): ImageRuntime {
  let isRunning = false
  let load: ReturnType<typeof createRequire> | undefined
  let importer: ((name: string) => Promise<unknown>) | undefined
  const modules = new Map<string, object>()
  const calls: { readonly name: string; readonly key: PropertyKey; readonly args: unknown[] }[] = []
  const moduleOf = (name: string, key: PropertyKey): object => {
    if (!isRunning) throw new Error(`${name}.${String(key)} is used while the image is made`)
    let found = modules.get(name)
    if (found === undefined) {
      found = process.getBuiltinModule(name) ?? (load!(name) as object)
      modules.set(name, found)
    }
    return found
  }
  /** Not an arrow, as it has to stand for classes too. */
  function standIn(): void {}
  const exportOf = (name: string, key: PropertyKey): object => {
    const real = () => Reflect.get(moduleOf(name, key), key) as Callable
    return new Proxy(standIn as Callable, {
      apply(_, self, args) {
        if (isRunning || !repeated.includes(`${name}.${String(key)}`)) return Reflect.apply(real(), self, args)
        return void calls.push({ name, key, args })
      },
      construct: (_, args) => Reflect.construct(real(), args) as object,
      get: (_, property) => Reflect.get(real(), property) as unknown,
      has: (_, property) => Reflect.has(real(), property),
    })
  }
  const runtime: ImageRuntime = {
    file,
    module: (name) =>
      new Proxy(
        {},
        {
          get: (_, key) => (isRunning ? (Reflect.get(moduleOf(name, key), key) as unknown) : exportOf(name, key)),
          has: (_, key) => Reflect.has(moduleOf(name, key), key),
        },
      ),
    import: (name) => importer!(name),
    begin(program, imports) {
      isRunning = true
      runtime.file = program
      importer = imports
      load = process.getBuiltinModule('node:module').createRequire(program)
      for (const { name, key, args } of calls) (Reflect.get(moduleOf(name, key), key) as Callable)(...args)
    },
  }
  return runtime
}
