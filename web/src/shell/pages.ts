/** The pages that exist: the sidebar, the keyboard, the spotlight and the help all read this one list. */

export type PageEntry = {
  readonly path: string
  readonly title: string
  /** After `g`. */
  readonly key: string
  readonly hint: string
  /** `d` of a 16 by 16 stroke icon. */
  readonly icon: string
  /** Shown in the bar at the bottom of a phone; the others are behind "More". */
  readonly phone: boolean
}

export const PAGES: readonly PageEntry[] = [
  {
    path: '/',
    title: 'Overview',
    key: 'o',
    hint: 'the whole system at a glance',
    phone: true,
    icon: 'M2.5 3h4v4h-4zM9.5 3h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z',
  },
  {
    path: '/incidents',
    title: 'Incidents',
    key: 'i',
    hint: 'what went wrong, what was done',
    phone: true,
    icon: 'M8 2.2 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.2',
  },
  {
    path: '/parts',
    title: 'Parts',
    key: 'p',
    hint: 'services, databases, broker, storage',
    phone: true,
    icon: 'M8 1.8 14 5v6l-6 3.2L2 11V5zM2 5l6 3.2L14 5M8 8.2v6',
  },
  {
    path: '/tickets',
    title: 'Tickets',
    key: 't',
    hint: 'what people were asked to look at',
    phone: true,
    icon: 'M2 4.5h12v2.2a1.3 1.3 0 0 0 0 2.6v2.2H2V9.3a1.3 1.3 0 0 0 0-2.6zM9.5 4.5v7',
  },
  {
    path: '/policies',
    title: 'Policies',
    key: 'l',
    hint: 'what follows from which condition',
    phone: false,
    icon: 'M8 1.8 13.5 4v4c0 3.2-2.3 5.3-5.5 6.3C4.8 13.3 2.5 11.2 2.5 8V4zM5.6 8l1.7 1.7 3.2-3.4',
  },
  {
    path: '/targets',
    title: 'Targets',
    key: 'r',
    hint: 'where the data comes from',
    phone: false,
    icon: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6M8 8h.01',
  },
  {
    path: '/explore',
    title: 'Explore',
    key: 'e',
    hint: 'ask anything in PromQL',
    phone: false,
    icon: 'M2 13.5h12M2 2.5v11M4.5 10.5l3-4 2.5 2L13.5 4',
  },
]
