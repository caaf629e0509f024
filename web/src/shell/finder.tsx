/** Ctrl K: parts, incidents, tickets, policies and pages by name. Bounded; the newest incidents first. */
import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLive, useNow } from '../api/live.tsx'
import { policiesQuery, ticketsQuery } from '../api/queries.ts'
import { formatInstant, tryInstant } from '../format/time.ts'
import { INCIDENT_MARK, KIND_WORDS } from '../format/words.ts'
import { navigate } from '../routing/use-hash.ts'
import { StateMark } from '../ui/state-mark.tsx'
import { PAGES } from './pages.ts'
import { Icon } from './sidebar.tsx'

const PER_GROUP = 12

export function Finder() {
  const [opened, setOpened] = useState(false)
  const { overview, incidents } = useLive()
  const now = useNow()
  const tickets = useQuery({ ...ticketsQuery, enabled: opened })
  const policies = useQuery({ ...policiesQuery, enabled: opened })
  const groups: SpotlightActionGroupData[] = [
    {
      group: 'Parts',
      actions: (overview?.parts ?? []).map((part) => ({
        id: `part ${part.id}`,
        label: part.title,
        description: [KIND_WORDS[part.kind], part.state, part.reason].filter((text) => text !== '').join(' · '),
        leftSection: <StateMark state={part.state} size={16} />,
        onClick: () => navigate(`/parts/${part.id}`),
      })),
    },
    {
      group: 'Incidents',
      actions: (incidents ?? []).slice(0, PER_GROUP).map((incident) => ({
        id: `incident ${incident.id}`,
        label: `${incident.title} #${incident.id}`,
        description: `${incident.state} · ${formatInstant(tryInstant(incident.openedAt) ?? 0, now)} · policy ${incident.policy}`,
        leftSection: <StateMark state={INCIDENT_MARK[incident.state]} size={16} />,
        onClick: () => navigate(`/incidents/${incident.id}`),
      })),
    },
    {
      group: 'Pages',
      actions: PAGES.map((page) => ({
        id: `page ${page.path}`,
        label: page.title,
        description: page.hint,
        leftSection: <Icon d={page.icon} />,
        onClick: () => navigate(page.path),
      })),
    },
    {
      group: 'Tickets',
      actions: (tickets.data ?? []).slice(0, PER_GROUP).map((ticket) => ({
        id: `ticket ${ticket.id}`,
        label: `#${ticket.id} ${ticket.title}`,
        description: `${ticket.state} · ${ticket.receiver}`,
        onClick: () => navigate(`/tickets/${ticket.id}`),
      })),
    },
    {
      group: 'Policies',
      actions: (policies.data ?? []).slice(0, 4 * PER_GROUP).map((policy) => ({
        id: `policy ${policy.id}`,
        label: policy.id,
        description: policy.title,
        onClick: () => navigate(`/policies?policy=${encodeURIComponent(policy.id)}`),
      })),
    },
  ]
  return (
    <Spotlight
      actions={groups.filter(({ actions }) => actions.length > 0)}
      shortcut={['mod + K']}
      nothingFound="Nothing has that name."
      highlightQuery
      scrollable
      maxHeight={460}
      limit={40}
      onSpotlightOpen={() => setOpened(true)}
      searchProps={{ placeholder: 'A part, an incident, a ticket, a page …', 'aria-label': 'Find' }}
    />
  )
}
