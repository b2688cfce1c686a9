import "@mantine/core/styles/ModalBase.layer.css";
import "@mantine/core/styles/Drawer.layer.css";
import { Drawer } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import { SideNav } from "./side-nav";

/** The navigation menu for narrow windows. */
export default function NavDrawer({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Drawer
      opened
      onClose={onClose}
      size={272}
      padding={12}
      title={t("shell.menu")}
      closeButtonProps={{ "aria-label": t("action.close") }}
    >
      <SideNav onNavigate={onClose} />
    </Drawer>
  );
}
