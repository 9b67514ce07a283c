"""Parts alone, without the wire or the disk: what the brain and the codec cost."""

import re

from submissions import tool


def brain(table):
    table.section("The brain and the codec alone, one thread")
    for line in tool("brain_tool").splitlines() + tool("codec_tool").splitlines():
        table.say(line)
        found = re.match(r"(.*?):\s+([\d.]+) (tasks a second|s)\b", line)
        if found:
            table.figures.append({"Figure": "brain: " + re.sub(r"\s+", " ", found[1]), "Unit": found[3],
                                  "Cube": float(found[2]), "Peer": None, "Beside": "", "Ratio": None, "Target": "",
                                  "Met": None, "Note": ""})
