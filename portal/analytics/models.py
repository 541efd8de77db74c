"""Rollups: sums over the journal, moved in the journal's own transaction and computable again from it."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Moment


def _measure() -> Mapped[int]:
    return mapped_column(BigInteger, server_default="0")


class Measures:
    """One set of measures for every grain. Payments are net of change; sums are minor units."""

    document_count: Mapped[int] = _measure()
    sale_count: Mapped[int] = _measure()
    sale_minor: Mapped[int] = _measure()
    sale_cash_minor: Mapped[int] = _measure()
    sale_card_minor: Mapped[int] = _measure()
    sale_mobile_minor: Mapped[int] = _measure()
    sale_other_minor: Mapped[int] = _measure()
    refund_count: Mapped[int] = _measure()
    refund_minor: Mapped[int] = _measure()
    refund_cash_minor: Mapped[int] = _measure()
    refund_card_minor: Mapped[int] = _measure()
    refund_mobile_minor: Mapped[int] = _measure()
    refund_other_minor: Mapped[int] = _measure()
    annulment_count: Mapped[int] = _measure()
    annulment_minor: Mapped[int] = _measure()
    annulment_cash_minor: Mapped[int] = _measure()
    annulment_card_minor: Mapped[int] = _measure()
    annulment_mobile_minor: Mapped[int] = _measure()
    annulment_other_minor: Mapped[int] = _measure()
    purchase_count: Mapped[int] = _measure()
    purchase_minor: Mapped[int] = _measure()
    purchase_cash_minor: Mapped[int] = _measure()
    purchase_refund_count: Mapped[int] = _measure()
    purchase_refund_minor: Mapped[int] = _measure()
    purchase_refund_cash_minor: Mapped[int] = _measure()
    cash_in_count: Mapped[int] = _measure()
    cash_in_minor: Mapped[int] = _measure()
    cash_out_count: Mapped[int] = _measure()
    cash_out_minor: Mapped[int] = _measure()


class RollupHour(Measures, Base):
    """A register's wall-clock hour of a business day."""

    __tablename__ = "rollup_hour"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    hour: Mapped[int] = mapped_column(SmallInteger, primary_key=True)


class RollupDay(Measures, Base):
    """A register's business day, at the point where it stood."""

    __tablename__ = "rollup_day"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    point_id: Mapped[int] = mapped_column(Integer, primary_key=True)


class RollupPoint(Measures, Base):
    """A point's business day: the second level, which long periods are read from."""

    __tablename__ = "rollup_point"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    point_id: Mapped[int] = mapped_column(Integer, primary_key=True)


class RollupKind(Base):
    """How many documents of a kind and payment mask a register's day has, and their totals."""

    __tablename__ = "rollup_kind"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    payment: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    document_count: Mapped[int] = _measure()
    total_minor: Mapped[int] = _measure()


class RollupTax(Base):
    """Turnover and tax by rate (hundredths of a per cent; −1 means no tax) of receipts of a kind."""

    __tablename__ = "rollup_tax"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    tax_rate: Mapped[int] = mapped_column(Integer, primary_key=True)
    turnover_minor: Mapped[int] = _measure()
    tax_minor: Mapped[int] = _measure()


class RollupProduct(Base):
    """What was sold, refunded or annulled of a product in a department on a register's day."""

    __tablename__ = "rollup_product"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    product_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    section: Mapped[int] = mapped_column(Integer, primary_key=True)
    line_count: Mapped[int] = _measure()
    quantity_milli: Mapped[int] = _measure()
    sum_minor: Mapped[int] = _measure()


class RollupSection(Base):
    """The same by department alone."""

    __tablename__ = "rollup_section"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    section: Mapped[int] = mapped_column(Integer, primary_key=True)
    line_count: Mapped[int] = _measure()
    quantity_milli: Mapped[int] = _measure()
    sum_minor: Mapped[int] = _measure()


class RollupCashier(Measures, Base):
    """A cashier's business day at a register."""

    __tablename__ = "rollup_cashier"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    cashier_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class Shift(Measures, Base):
    """A shift as its documents tell it. `opened_at` is its first document's moment, `closed_at` its Z-report's."""

    __tablename__ = "shift"
    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    register_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    shift: Mapped[int] = mapped_column(Integer, primary_key=True)
    opened_at: Mapped[datetime] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    first_number: Mapped[int] = mapped_column(BigInteger)
    last_number: Mapped[int] = mapped_column(BigInteger)
    z_number: Mapped[int | None] = mapped_column(BigInteger)
