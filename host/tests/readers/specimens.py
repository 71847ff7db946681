# SPDX-License-Identifier: MIT
"""Files of the kinds that have many keys: each key that it can have is in one of its specimens."""

RUN = """[run]
policy = "expected-share"
keys = "keys.toml"
out = "out"
seed = 1
duration_s = 30.0
policy_options = { horizon_s = 60 }
site = "Depot"
site_number = 7
ledger = "postgresql://charge@localhost/books"

[radio]
adapter = "hci1"
slots = 7
speed = 5.0
proxies = [{ host = "kitchen.local", port = 6053 }]

[transfer]
lease_ms = 2000
power_max_mW = 900
duration_max_s = 3600.0
floor_pct = 20
group = "need"
group_budget_J = 50.0

[[boards]]
id = 3
profile = ["pma", "qi-bpp"]

[contacts]
source = "declared"
slot_s = 10.0
slots = [[[1, 2], [3, 4]], [[2, 3]], []]

[mqtt]
url = "mqtts://broker.local:8883"
user = "depot"
password_file = "password"
ca_file = "ca.pem"
certificate_file = "own.pem"
key_file = "own.key"
discovery = "homeassistant"
commands = ["stop", "pause"]

[notify]
urls = ["ntfy://ntfy.sh/depot"]
urls_file = "urls"

[traces]
endpoint = "http://127.0.0.1:4318/v1/traces"

[serve]
http_port = 8722
host = "127.0.0.1"
allowed_hosts = ["depot.local"]
start = "paused"

[crowd]
name = "House 4"
rule = "received"
allowance_J = 100.0
"""
RUN_WITH_ADAPTERS = """[run]
policy = "online-average"
keys = "keys.toml"
out = "out"

[radio]
adapters = ["hci0", "hci1"]

[contacts]
source = "bench"
control = "bench/control.sock"
"""
RUN_ON_A_BENCH = """[run]
policy = "module:Name"
keys = "keys.toml"
out = "out"

[radio]
transport = "tcp-client:127.0.0.1:12345"

[contacts]
source = "ping"
"""
BENCH = """speed = 1.0
seed = 1
hosts = 1
realism = "silicon"
firmware = ""

[[boards]]
id = 1
soc_pct = 90
capacity_J = 100.0
board = "virtual"
port = "micropython"
radio = "shim"
links = 3
storage = "folder"
heap_kB = 2048
gauge = true
resistance_Ohm = 0.1
idle_W = 0.0
ambient_C = 25.0
replay = ""
profile = ["huawei", "pma"]
vbus = false
market_a = 0.001
market_b = 30.0
keep_pct = 50.0
target_pct = 80.0
attended_s = -1
key = "0101010101010101010101010101010101010101010101010101010101010101"
place_m = [0, 0]
crowd_key = "0303030303030303030303030303030303030303030303030303030303030303"
peer_policy = "oblivious-share"
gives_to = "host"
give_day_J = 0.0
airfuel = false
calibrated = true
ticks_start_ms = 0

[[boards]]
id = 2
soc_pct = 20

[[proxies]]
name = "proxy-1"
place_m = [0, 0]
range_m = 10.0
slots = 3
host = "127.0.0.2"
port = 6053
key = ""

[link]
power_W = 2.5
fixed_W = 0.25
linear = 1.35
quadratic_per_W = 0.05
ping_W = 0.5
ping_s = 0.065
ping_every_s = 0.4
inrush_W = 5.0
inrush_s = 0.003
startup_W = 1.5
startup_s = 0.05
handshake_s = 0.3
output_V = 5.0
charger_efficiency = 0.9
gap_nominal_mm = 3.0
gap_scale_mm = 20.0
offset_scale_mm = 17.0
coupling_min = 0.4

[contacts]
slot_s = 5.0
cycle = [[[1, 2]], [], [{ boards = [1, 2], gap_mm = 5.0, offset_mm = 4.0 }]]
pads = [1]
"""
_BENCH_HEAD, _CYCLE, _BENCH_TAIL = BENCH.partition("cycle = [[[")
BENCH_OF_PAIRS = _BENCH_HEAD + "pairs = [[1, 2]]\n"
SCENARIO = """name = "office"
duration_s = 3600
seed = 1
runs = 3
sample_s = 60
floor_pct = 20
balanced_at = 0.01
cell_C = 25.0
engine = "events"

[[boards]]
id = 1
capacity_J = 100.0
soc_pct = 90
pad = true

[[boards]]
id = 2
soc_pct = 30
load_W = 0.005
arrives_s = 60
leaves_s = 3000
cords = [[1200, 1500], [1400, 1600]]
profile = ["pma", "qi-bpp"]

[link]
power_W = 0.5
efficiency = 0.6
start_J = 0.1
curve = "link.csv"

[cord]
power_W = 2.5
below_pct = 20
until_pct = 90

[policy]
name = "online-average"
weights = { 1 = 2.0, 2 = 1.0 }

[bench]
speed = 3
missed = [[1, 2, 60]]
link = { charger_efficiency = 1.0 }

[contacts]
"""
SCENARIO_OF_A_CROWD = """duration_s = 7200

[crowd]
n = 50
capacity_J = [30e3, 60e3]
soc_pct = [0, 100]
load_W = [0.2, 0.8]
profiles = ["qi-bpp", "pma", ["pma", "qi-bpp"]]

[contacts]
"""
CONTACTS = (
    "slot_s = 60\ncycle = [[[1, 2]], [[2, 1]], []]\n",
    "list = [[1, 2, 0, 60], [2, 1, 70, 80]]\n",
)
CONTACTS_OF_A_CROWD = (
    'trace = "contacts.txt"\nformat = "one"\nunit = "ms"\n',
    'trace = "contacts.txt"\nformat = "one-movement"\nrange_m = 2.0\nunit = "s"\n',
    'trace = "contacts.txt"\nformat = "copenhagen"\nrssi_least_dBm = -80\n',
    'trace = "contacts.txt"\nformat = "edges"\nlasts_s = 3.0\n'
    'columns = { a = "from", b = 2, start = "begin" }\n',
    'trace = "contacts.txt"\nformat = "edges"\n'
    'columns = { a = 1, b = 2, start = 3, end = "until" }\n',
    'meetings = 5000\nscheduler = "matching"\nevery_s = 1.0\nlasts_s = 1.0\n',
    "random = 5\nslot_s = 60\n",
    "bus = 190\nslot_s = 60\n",
    "mobility = { side_m = 40, slowest_m_per_s = 0.5, fastest_m_per_s = 1.5, pause_s = 60,"
    " range_m = 2, step_s = 1 }\n",
)
RUNS = (RUN, RUN_WITH_ADAPTERS, RUN_ON_A_BENCH)
BENCHES = (BENCH, BENCH_OF_PAIRS)
SCENARIOS = (
    *(SCENARIO + contacts for contacts in CONTACTS),
    *(SCENARIO_OF_A_CROWD + contacts for contacts in CONTACTS_OF_A_CROWD),
)
CROWD_FILE = """key = "0303030303030303030303030303030303030303030303030303030303030303"
policy = "oblivious-share"
epoch = 2
members = [1, 2, 7]

[written]
1 = [2, 3, 1]
7 = [2, 3]

[agreements]
changes = 1
may_ask = ["0a0b0c0d"]

[agreements.quotas_mJ]
0a0b0c0d = 1000

[agreements.keys.0a0b0c0d.1]
9 = "0404040404040404040404040404040404040404040404040404040404040404"
"""
SHEET = """giver = "0a0b0c0d"
taker = "0a0b0c0e"

[keys.1]
9 = "0404040404040404040404040404040404040404040404040404040404040404"
12 = "0505050505050505050505050505050505050505050505050505050505050505"
"""
OWNER_KEY = 'key = "0303030303030303030303030303030303030303030303030303030303030303"\n'
PEOPLE = '[people]\n"Ann Lee" = [7, 9]\n"Bo" = []\n'
KEYS = """[keys]
1 = "0101010101010101010101010101010101010101010101010101010101010101"
2 = "0202020202020202020202020202020202020202020202020202020202020202"

[retired]
1 = ["0303030303030303030303030303030303030303030303030303030303030303"]

[pending]
2 = ["0404040404040404040404040404040404040404040404040404040404040404"]
"""
PROFILE = """schema = 1
name = "file"
kind = "donor"
title = "Somebody's phone"

[values]
technology = { value = "qi-bpp", source = "the vendor's page" }
gives_mW = { value = 4500, source = "the vendor's page" }
donor_floor_pct = { value = 30, source = "the vendor's page" }
gives_on_cable = { value = true, source = "the vendor's page" }
battery_max_C = { value = "unknown", source = "was not found" }
"""
FLEET = """[home]
latitude = 52.0
longitude = 13.0
altitude_m = 20.0

[hub]
energy_J = 600_000
charge_W = 200

[[couplings]]
offset_m = 0.0
sent_W = 10.0
received_W = 8.0

[[couplings]]
offset_m = 0.5
sent_W = 10.0
received_W = 3.0

[[drones]]
budget_J = 150_000
cruise_W = 180
hover_W = 150
speed_m_per_s = 10

[[sites]]
agent = 3
east_m = 400
north_m = 300
wanted_J = 400
offset_m = 0.25
"""
BOARD_RECORDING = """{"t_s": 0.0, "tx_V": 5.0, "tx_A": 0.1, "rx_V": 0.0, "rx_A": 0.0, \
"coil_C": 25.0, "battery_C": 24.5}
{"t_s": 0.5, "address": "B", "rssi_dBm": -70, "data": "0201060302"}
{"t_s": 0.9, "console": "ready"}
"""
MANDATE = "01" * 60 + "\n"
SWEEP = """seeds = [1, 2]

[vary]
link.efficiency = [0.6, 0.8]
policy.name = ["online-average", "oblivious-share"]
floor_pct = [10, 20]
"""
