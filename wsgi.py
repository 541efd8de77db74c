"""What the web server loads."""

from portal.app import create_app
from portal.config import read_settings

app = create_app(read_settings())
