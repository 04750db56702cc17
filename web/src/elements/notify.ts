import { notifications } from '@mantine/notifications';

/** Says that something is done, where it disturbs nobody; screen readers read it out. */
export function notifyDone(message: string): void {
  notifications.show({ message, color: 'green', withBorder: true });
}
