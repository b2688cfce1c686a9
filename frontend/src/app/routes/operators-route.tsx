export { OperatorsPage as default } from "@/features/operators/operators-page";
