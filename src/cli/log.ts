/** Logs as one line of JSON each, to stderr, through pino. */
import { destination, pino } from 'pino'
import type { Log } from '#core'

export function openLog(level: string): Log {
  // Written at once: a line that explains a crash must not be lost in a buffer.
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ dest: 2, sync: true }),
  )
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  }
}
