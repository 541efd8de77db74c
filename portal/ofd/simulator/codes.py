"""What the operator answers with: result codes of protocol 2.0.3 and the words beside them."""

from typing import Final

OK: Final = 0
UNKNOWN_DEVICE: Final = 1
INVALID_TOKEN: Final = 2
PROTOCOL_ERROR: Final = 3
UNKNOWN_COMMAND: Final = 4
UNSUPPORTED_COMMAND: Final = 5
INVALID_CONFIGURATION: Final = 6
INVALID_REQUEST_NUMBER: Final = 8
INVALID_RETRY: Final = 9
SHIFT_TOO_LONG: Final = 11
INVALID_PASSWORD: Final = 12
INCORRECT_DATA: Final = 13
NOT_ENOUGH_CASH: Final = 14
BLOCKED: Final = 15
SHIFT_ALREADY_OPENED: Final = 16
SAME_TAXPAYER: Final = 17
NOT_FOUND_BY_BARCODE: Final = 18
UNAVAILABLE: Final = 254
UNKNOWN_ERROR: Final = 255

TEXTS: Final = {
    OK: "OK",
    UNKNOWN_DEVICE: "Аппарат не зарегистрирован в системе",
    INVALID_TOKEN: "Неверный токен, необходимо произвести сброс токена",
    PROTOCOL_ERROR: "Ошибка протокола",
    UNKNOWN_COMMAND: "Неизвестная команда",
    UNSUPPORTED_COMMAND: "Команда не поддерживается",
    INVALID_CONFIGURATION: "Настройки кассы не совпадают с учётными данными",
    INVALID_REQUEST_NUMBER: "REQNUM тот же, но токен другой",
    INVALID_RETRY: "REQNUM и TOKEN те же, но код команды отличается",
    SHIFT_TOO_LONG: "Истёк период, в течение которого смена может быть открыта",
    INVALID_PASSWORD: "Неверный логин или пароль",
    INCORRECT_DATA: "Данные корректны с точки зрения протокола, но неверны в контексте",
    NOT_ENOUGH_CASH: "Недостаточно наличных в кассе",
    BLOCKED: "Касса заблокирована",
    SHIFT_ALREADY_OPENED: "Смена уже открыта",
    SAME_TAXPAYER: "Совпадает ИИН/БИН покупателя и продавца",
    NOT_FOUND_BY_BARCODE: "Товар с таким штрихкодом не найден",
    UNAVAILABLE: "Сервис временно недоступен",
    UNKNOWN_ERROR: "Неизвестная ошибка",
}


class Refused(Exception):
    """The operator does not take a request: a result code, and what exactly is wrong."""

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(code, why)
        self.code = code
        self.why = why

    @property
    def text(self) -> str:
        """The words of the answer."""
        return f"{TEXTS[self.code]}: {self.why}" if self.why else TEXTS[self.code]


def incorrect(why: str) -> Refused:
    """Result 13 with what is incorrect."""
    return Refused(INCORRECT_DATA, why)
