import { ActionIcon, Menu } from "@mantine/core";
import {
  IconCircleCheck,
  IconCircleOff,
  IconDeviceLaptop,
  IconDots,
  IconKey,
  IconMailForward,
  IconTrash,
  IconUserCog,
} from "@tabler/icons-react";
import { useSession } from "@/features/session/session-query";
import { useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { useTranslation } from "@/shared/i18n/use-translation";
import table from "@/shared/ui/data-table.module.css";
import { DateOf, Time } from "@/shared/ui/relative-time";
import { StatusPill } from "@/shared/ui/status-pill";
import type { Operator } from "./api/operators";
import type { OperatorActions } from "./operator-actions";
import classes from "./operators.module.css";

const icon = { size: 16, stroke: 1.7, "aria-hidden": true } as const;

const looks = {
  active: { icon: IconCircleCheck, tone: "good" },
  invited: { icon: IconMailForward, tone: "warn" },
  deactivated: { icon: IconCircleOff, tone: "plain" },
} as const;

function Status({ operator }: { operator: Operator }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const until = operator.invitation_expires_at;
  const expired = until !== null && new Date(until) <= now;
  return (
    <>
      <StatusPill {...looks[operator.status]}>{t(`operators.status.${operator.status}`)}</StatusPill>
      {until && (
        <span className={classes.expiry} data-expired={expired}>
          <Time at={until}>
            {expired ? t("operators.linkExpired") : t("operators.linkUntil", { when: format.relative(until, now) })}
          </Time>
        </span>
      )}
    </>
  );
}

interface OperatorRowProps {
  operator: Operator;
  /** Whether to show how the operator signs in; off when all operators use a password. */
  withMethod: boolean;
  actions: OperatorActions;
}

export function OperatorRow({ operator, withMethod, actions }: OperatorRowProps) {
  const { t } = useTranslation();
  const session = useSession();
  const own = session.operator.id === operator.id;
  return (
    <tr>
      <th scope="row">
        <span className={classes.email} title={operator.email}>
          {operator.email}
        </span>
        {own && <span className={classes.you}>{t("operators.you")}</span>}
        {withMethod && <span className={classes.method}>{t(`operators.method.${operator.sign_in_method}`)}</span>}
        <span className={classes.narrow}>
          {t(`operator.role.${operator.role}`)}
          <Status operator={operator} />
        </span>
      </th>
      <td className={classes.roleCell}>{t(`operator.role.${operator.role}`)}</td>
      <td className={classes.statusCell}>
        <Status operator={operator} />
      </td>
      <td className={classes.timeCell}>
        <DateOf at={operator.created_at} />
      </td>
      <td className={table.menuCell}>
        <Menu>
          <Menu.Target>
            <ActionIcon size={30} aria-label={t("list.actionsFor", { name: operator.email })}>
              <IconDots size={18} stroke={1.8} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconUserCog {...icon} />} onClick={() => actions.changeRole(operator)}>
              {t("operators.changeRole")}
            </Menu.Item>
            {operator.status !== "deactivated" && operator.sign_in_method === "password" && (
              <Menu.Item
                leftSection={operator.status === "invited" ? <IconMailForward {...icon} /> : <IconKey {...icon} />}
                onClick={() => actions.resetPassword(operator)}
              >
                {operator.status === "invited" ? t("operators.newLink") : t("operators.resetPassword")}
              </Menu.Item>
            )}
            <Menu.Item leftSection={<IconDeviceLaptop {...icon} />} onClick={() => actions.showSessions(operator)}>
              {t("operators.sessions")}
            </Menu.Item>
            {operator.status === "deactivated" ? (
              <Menu.Item leftSection={<IconCircleCheck {...icon} />} onClick={() => actions.activate(operator)}>
                {t("action.activate")}
              </Menu.Item>
            ) : (
              <Menu.Item leftSection={<IconCircleOff {...icon} />} onClick={() => actions.deactivate(operator)}>
                {t("action.deactivate")}
              </Menu.Item>
            )}
            <Menu.Divider />
            <Menu.Item data-danger leftSection={<IconTrash {...icon} />} onClick={() => actions.remove(operator)}>
              {t("operators.remove")}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </td>
    </tr>
  );
}
