import {
  type ActionIconProps,
  type AlertProps,
  type ButtonProps,
  type CheckboxProps,
  type CloseButtonProps,
  type CSSVariablesResolver,
  createTheme,
  type DrawerProps,
  type InputProps,
  type LoaderProps,
  type MantineColorsTuple,
  type MenuProps,
  type ModalProps,
  type NativeSelectProps,
  type NumberInputProps,
  type PasswordInputProps,
  type PopoverProps,
  type SegmentedControlProps,
  type SelectProps,
  type SkeletonProps,
  type TabsProps,
  type TextareaProps,
  type TextInputProps,
  type TooltipProps,
} from "@mantine/core";
import classes from "./components.module.css";

const iris: MantineColorsTuple = [
  "#f2f4ff",
  "#e4e8ff",
  "#c8cfff",
  "#a7b1fd",
  "#8894f8",
  "#6d7af1",
  "#5865e8",
  "#4754dc",
  "#3b46bb",
  "#2f3893",
];

const slate: MantineColorsTuple = [
  "#f8f9fb",
  "#f1f3f6",
  "#e6e9ee",
  "#d6dbe3",
  "#8a92a2",
  "#747c8d",
  "#5b6374",
  "#434a5a",
  "#2b3140",
  "#171b26",
];

const red: MantineColorsTuple = [
  "#fef3f2",
  "#fee4e2",
  "#fecdca",
  "#fda29b",
  "#f97066",
  "#ef4a3e",
  "#d92d20",
  "#c4281c",
  "#a3231a",
  "#7f1d18",
];

// From text (0) to the deepest background (9); Mantine expects this order.
const night: MantineColorsTuple = [
  "#e7e9ef",
  "#c6cad4",
  "#a3a9b8",
  "#858c9d",
  "#6b748a",
  "#2c313d",
  "#222732",
  "#181c25",
  "#11141b",
  "#0b0d12",
];

/**
 * Type-checks an override against the component's props. The components' own `extend` would do so too, but would pull every
 * one of them into the first load.
 */
function component<Props>(override: {
  defaultProps?: Partial<Props>;
  classNames?: Record<string, string | undefined>;
}) {
  return override;
}

export const theme = createTheme({
  primaryColor: "iris",
  primaryShade: { light: 7, dark: 6 },
  colors: { iris, red, gray: slate, dark: night },
  black: "#171b26",
  fontFamily: "var(--font)",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, 'SFMono-Regular', Menlo, Consolas, monospace",
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.5", lg: "1.5", xl: "1.4" },
  headings: {
    fontWeight: "650",
    sizes: {
      h1: { fontSize: "1.375rem", lineHeight: "1.3" },
      h2: { fontSize: "1rem", lineHeight: "1.4" },
      h3: { fontSize: "0.875rem", lineHeight: "1.45" },
    },
  },
  defaultRadius: "md",
  radius: { xs: "4px", sm: "6px", md: "8px", lg: "12px", xl: "16px" },
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  components: {
    Button: component<ButtonProps>({
      defaultProps: { size: "sm" },
      classNames: {
        root: classes.button,
        label: classes.buttonLabel,
        loader: classes.buttonLoader,
      },
    }),
    ActionIcon: component<ActionIconProps>({
      defaultProps: { variant: "subtle", color: "gray" },
      classNames: { root: classes.icon },
    }),
    Alert: component<AlertProps>({ defaultProps: { variant: "default", radius: "md" } }),
    Checkbox: component<CheckboxProps>({ defaultProps: { size: "xs", radius: "xs" } }),
    CloseButton: component<CloseButtonProps>({ classNames: { root: classes.icon } }),
    Input: component<InputProps>({ classNames: { wrapper: classes.field } }),
    Loader: component<LoaderProps>({ defaultProps: { type: "oval", size: "sm" } }),
    Menu: component<MenuProps>({
      defaultProps: {
        // A menu may not contain an element with the placeholder's role; without the placeholder, the first
        // item gets the focus.
        withInitialFocusPlaceholder: false,
        shadow: "md",
        position: "bottom-end",
        width: 232,
        transitionProps: { duration: 80 },
      },
      classNames: { dropdown: classes.menu, item: classes.menuItem, divider: classes.menuDivider },
    }),
    Modal: component<ModalProps>({
      defaultProps: {
        centered: true,
        radius: "lg",
        padding: 24,
        transitionProps: { duration: 120, transition: "pop" },
        overlayProps: { backgroundOpacity: 0.4, blur: 2 },
        // The page keeps its scroll bar, so nothing behind a dialog moves; scrolling by wheel and touch is still blocked.
        removeScrollProps: { removeScrollBar: false },
      },
      classNames: { title: classes.modalTitle, content: classes.modalContent, header: classes.modalHeader },
    }),
    Drawer: component<DrawerProps>({
      defaultProps: { transitionProps: { duration: 140 }, removeScrollProps: { removeScrollBar: false } },
    }),
    TextInput: component<TextInputProps>({
      classNames: { label: classes.label, error: classes.error, description: classes.description },
    }),
    PasswordInput: component<PasswordInputProps>({
      classNames: {
        label: classes.label,
        error: classes.error,
        description: classes.description,
        input: classes.passwordInput,
      },
    }),
    NumberInput: component<NumberInputProps>({
      classNames: {
        label: classes.label,
        error: classes.error,
        description: classes.description,
        control: classes.numberControl,
      },
    }),
    Textarea: component<TextareaProps>({
      classNames: { label: classes.label, error: classes.error, description: classes.description },
    }),
    NativeSelect: component<NativeSelectProps>({
      classNames: {
        label: classes.label,
        error: classes.error,
        description: classes.description,
        section: classes.chevron,
      },
    }),
    Select: component<SelectProps>({
      classNames: {
        label: classes.label,
        error: classes.error,
        description: classes.description,
        section: classes.chevron,
        option: classes.option,
      },
    }),
    Popover: component<PopoverProps>({ classNames: { dropdown: classes.popover } }),
    SegmentedControl: component<SegmentedControlProps>({ classNames: { root: classes.segmented } }),
    Skeleton: component<SkeletonProps>({ defaultProps: { radius: "sm" }, classNames: { root: classes.skeleton } }),
    Tabs: component<TabsProps>({ classNames: { tab: classes.tab, list: classes.tabList } }),
    Tooltip: component<TooltipProps>({
      defaultProps: {
        openDelay: 250,
        withArrow: true,
        arrowSize: 6,
        events: { hover: true, focus: true, touch: true },
        // Shown on one line, unless that is wider than the screen.
        multiline: true,
        w: "max-content",
        maw: "calc(100vw - 1rem)",
      },
      classNames: { tooltip: classes.tooltip },
    }),
  },
});

/** What Mantine has in common with the console, in either scheme and on paper. */
const ownColors = {
  "--mantine-color-text": "var(--text)",
  "--mantine-color-dimmed": "var(--text-soft)",
  "--mantine-color-error": "var(--bad)",
};

/**
 * Mantine's own greys fail WCAG AA on these surfaces. The overrides below all reach 4.5:1; gray 4 and dark 4, which Mantine
 * uses for the borders of fields and boxes, reach 3:1.
 */
export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...ownColors,
    "--mantine-color-placeholder": "#697184",
    "--mantine-color-default-border": slate[3],
    "--mantine-color-anchor": iris[7],
    "--mantine-color-disabled-color": "#697184",
  },
  dark: {
    "--mantine-color-body": night[8],
    ...ownColors,
    "--mantine-color-placeholder": "#8f96a8",
    "--mantine-color-default": night[7],
    "--mantine-color-default-hover": night[6],
    "--mantine-color-default-border": "#363c4a",
    "--mantine-color-anchor": iris[3],
    "--mantine-color-disabled-color": "#8f96a8",
  },
});
