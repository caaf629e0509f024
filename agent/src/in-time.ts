/** What the application is asked for at a scrape may hang: then it is not waited for. */

/** So long; Prometheus waits 10 s as a rule, but for the whole page. */
export const COLLECT_MS = 250

/** What `work` answers, or a rejection after that many milliseconds. */
export async function inTime<T>(milliseconds: number, work: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('too slow')), milliseconds)
  })
  try {
    return await Promise.race([late, work()])
  } finally {
    clearTimeout(timer)
  }
}
