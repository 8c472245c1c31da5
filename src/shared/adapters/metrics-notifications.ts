import { EVENTS, type NotifyEvent } from '../domain/notification.ts';
import type { MetricsRegistry } from './metrics-registry.ts';

/** Counts notifications by what became of them, once for each receiver. Every series is there from the start, at 0. */
export function notificationMetrics({
  counter,
}: MetricsRegistry): (event: NotifyEvent, result: 'sent' | 'failed') => void {
  const notifications = counter(
    'notifications_total',
    'Notifications that were sent, or could not be, to each webhook',
    ['event', 'result'],
  );
  for (const event of EVENTS) for (const result of ['sent', 'failed']) notifications.inc({ event, result }, 0);
  return (event, result) => notifications.inc({ event, result });
}
