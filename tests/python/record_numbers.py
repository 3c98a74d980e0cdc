"""What `tokenizers` reads in the scores of Unigram pieces: prints the table of m2v-tokenize's json/number/tests.rs.

Needs `tokenizers` 0.23.3.
"""
import json, random, struct
from tokenizers import Tokenizer

random.seed(5)
texts = ["0", "-0", "0.0", "-0.0", "1", "-1", "9007199254740993", "18446744073709551615", "18446744073709551616",
    "-9223372036854775809", "123456789012345678901234567890", "1844674407370955161.62", "184467440737095516162.5",
    "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "1e-400", "0e400", "-1e22", "1E+23", "1e-23", "0.1e1",
    "0.30000000000000004", "1234567890.12345678901234567890e-5", "1e-310", "3e-320", "4.9e-324", "123e-330", "1e0000000001",
    "0e99999999999", "5e-99999999999"]
for _ in range(60): texts.append(repr(-random.uniform(2, 16)))
for _ in range(25): texts.append(f"{-random.uniform(0, 100):.{random.randint(14, 30)}f}")
for _ in range(25): texts.append(f"{random.uniform(-1, 1):.{random.randint(1, 22)}e}".replace("e", random.choice(["e", "E"])))
for _ in range(25): texts.append(repr(random.uniform(1, 10) * 10.0 ** random.randint(-307, 300)))
for _ in range(10): texts.append(repr(struct.unpack("f", struct.pack("f", -random.uniform(3, 15)))[0]))
model = '{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],%s]}' % ",".join(f'["p{i}",{t}]' for i, t in enumerate(texts))
t = Tokenizer.from_str('{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,"model":%s}' % model)
read = [score for _, score in json.loads(t.to_str())["model"]["vocab"]][1:]
for text, number in zip(texts, read):
    print(f'    ("{text}", 0x{struct.unpack("<Q", struct.pack("<d", float(number)))[0]:016X}),')
