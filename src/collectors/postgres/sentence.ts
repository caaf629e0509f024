/** Why a database could not be asked, as a sentence for people: who, where, and what to check. Never the password. */
import { messageOf } from '#core'
import { codeOf, networkSentence } from '../where.ts'

export type PostgresPlace = {
  readonly user: string
  /** `127.0.0.1:5432` */
  readonly host: string
  readonly database: string
  /** Where the URL comes from: `SHOP_DB_URL`. */
  readonly where: string
}

export function postgresSentence(thrown: unknown, { user, host, database, where }: PostgresPlace): string {
  const place = `${host}/${database}`
  switch (codeOf(thrown)) {
    case '28P01':
      return `password refused for user ${user} at ${place}; check ${where}`
    case '28000':
      return `user ${user} is not let in at ${place}; check ${where} and the server's pg_hba.conf`
    case '3D000':
      return `there is no database ${database} at ${host}; check ${where}`
    case '42501':
      return `user ${user} may not read the statistics of ${place}; grant it: GRANT pg_monitor TO ${user}`
    case '53300':
      return `too many connections at ${host}: the server takes no more, not even ours; look for a leak, or raise max_connections`
    case '57P03':
      return `the server at ${host} is starting up or shutting down; nothing to do but wait`
    case '57P01':
    case '57P02':
      return `the server at ${host} ended the connection: it was stopped, or an administrator ended it`
    case '57014':
      return `${place} took too long to tell its statistics, more than 4s; is the server overloaded?`
    default: {
      const message = messageOf(thrown)
      if (message.includes('client password must be'))
        return `${place} asks for a password and there is none; add it to ${where}`
      if (/SSL|TLS|certificate/i.test(message)) return `TLS with ${host} failed: ${message}; check sslmode in ${where}`
      if (message.includes('timeout expired'))
        return `${host} did not answer in time; is it overloaded, or is something else at this port?`
      return networkSentence(thrown, host) ?? `${place} cannot be asked: ${message}`
    }
  }
}
