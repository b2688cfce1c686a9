import { Button, Group, Modal, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

interface LeaveGuardProps {
  /** Whether leaving now would lose something. */
  when: boolean;
  title: string;
  message: string;
  stay: string;
  leave: string;
}

/** Asks before a navigation inside the console, and, in the browser's own words, before the tab is closed or reloaded. */
export function LeaveGuard({ when, title, message, stay, leave }: LeaveGuardProps) {
  const { t } = useTranslation();
  const blocker = useBlocker({
    shouldBlockFn: () => when,
    enableBeforeUnload: () => when,
    withResolver: true,
  });
  const blocked = blocker.status === "blocked";
  return (
    <Modal
      opened={blocked}
      onClose={() => blocker.reset?.()}
      title={title}
      size="sm"
      zIndex={500}
      closeButtonProps={{ "aria-label": t("action.close") }}
    >
      <Text size="sm">{message}</Text>
      <Group justify="flex-end" gap="xs" mt="lg">
        <Button variant="default" onClick={() => blocker.reset?.()} data-autofocus>
          {stay}
        </Button>
        <Button color="red" onClick={() => blocker.proceed?.()}>
          {leave}
        </Button>
      </Group>
    </Modal>
  );
}
