/** What a service is told by its environment. A missing setting stops the start with a sentence, not a later surprise. */

/** Throws when the variable is not set: the service cannot run without it. */
export function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '')
    throw new Error(`the environment variable ${name} is not set; the services are started by example/main.ts`)
  return value
}

export function numberSetting(name: string): number {
  const value = Number(setting(name))
  if (!Number.isFinite(value)) throw new Error(`the environment variable ${name} is not a number`)
  return value
}

/**
 * Services call each other from this address, so that the called one can tell its internal channel from the open one by
 * the peer's address, as a company does by its subnet. Linux answers on all of 127.0.0.0/8, others only on 127.0.0.1.
 */
export const INTERNAL_ADDRESS: string | undefined = process.platform === 'linux' ? '127.0.1.1' : undefined
