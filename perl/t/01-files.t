# Requests on open files.

use strict;
use warnings;
use Test::More;
use Errno qw(EBADF EINVAL ENOENT EISDIR ENOTTY ESPIPE);
use Fcntl;
use lib 't/lib';
use Tester;

use IO::AIO;

my $name = put(file('data'), join '', 'a' .. 'z');

# open
{
    my $fh = of { aio_open $name, O_RDONLY, 0, $_[0] };
    errno_is(0, 'no error');
    like("$fh", qr/^\*IO::AIO::fd#\d+$/, 'a bare glob');
    is(ref \$fh, 'GLOB', 'of that kind');
    is(ref $fh, '', 'no reference');
    is(scalar <$fh>, join('', 'a' .. 'z'), 'which perl reads');
    ok(fcntl($fh, F_GETFD, 0) & FD_CLOEXEC, 'closed on exec');
    my $none = of { aio_open file('none'), O_RDONLY, 0, $_[0] };
    is($none, undef, 'no handle');
    errno_is(ENOENT, 'and why');
    my $new = of { aio_open file('new'), O_RDWR | O_CREAT | O_EXCL, 0640, $_[0] };
    ok(syswrite($new, 'text'), 'written');
    ok(sysseek($new, 0, 0) && sysread($new, my $back, 10), 'and read');
    is($back, 'text', 'through one handle');
    is((stat file('new'))[2] & 07777, 0640 & ~umask, 'mode and umask');
    my $out = of { aio_open file('new'), O_WRONLY | O_TRUNC, 0, $_[0] };
    ok(defined syswrite($out, 'x'), 'for writing');
    is(-s file('new'), 1, 'truncated');
    raises { &aio_open($name, O_RDONLY) } qr/Usage/, 'the mode is needed';
}

# close
{
    my $fh = of { aio_open $name, O_RDONLY, 0, $_[0] };
    my $fd = fileno $fh;
    is(of { aio_close $fh, $_[0] }, 0, 'closed');
    is(fileno $fh, $fd, 'the number is still taken');
    is(sysread($fh, my $rest, 10), 0, 'at its end');
    ok(close $fh, 'and perl closes it');
    raises { aio_close $fh } qr/illegal fh argument.*read\/write mode mismatch/, 'a closed handle';
}

# seek
{
    open my $fh, '<:raw', $name or die $!;
    is(of { aio_seek $fh, 5, 0, $_[0] }, 5, 'from the start');
    is(of { aio_seek $fh, 2, IO::AIO::SEEK_CUR, $_[0] }, 7, 'from here');
    is(sysread($fh, my $b, 1), 1, 'a byte');
    is($b, 'h', 'the eighth');
    is(of { aio_seek $fh, -1, 2, $_[0] }, 25, 'from the end');
    is(of { aio_seek $fh, -1, 0, $_[0] }, -1, 'before the start');
    errno_is(EINVAL, 'EINVAL');
    is(of { aio_seek $fh, 0, IO::AIO::SEEK_HOLE, $_[0] }, 26, 'the hole at the end');
    pipe my $r, my $w or die $!;
    is(of { aio_seek $r, 0, 0, $_[0] }, -1, 'a pipe');
    errno_is(ESPIPE, 'ESPIPE');
}

# read
{
    open my $fh, '<:raw', $name or die $!;
    my $data;
    is(of { aio_read $fh, 0, 5, $data, 0, $_[0] }, 5, 'read');
    is($data, 'abcde', 'from the start');
    is(of { aio_read $fh, 24, 5, $data, 0, $_[0] }, 2, 'short at the end');
    is($data, 'yz', 'cut');
    is(of { aio_read $fh, 30, 5, $data, 0, $_[0] }, 0, 'beyond');
    is($data, '', 'nothing');
    errno_is(0, 'and no error');
    $data = 'head';
    is(of { aio_read $fh, 3, 3, $data, 4, $_[0] }, 3, 'at an offset of the scalar');
    is($data, 'headdef', 'behind what is there');
    is(of { aio_read $fh, 0, 2, $data, -3, $_[0] }, 2, 'from its end');
    is($data, 'headab', 'over it');
    is(of { aio_read $fh, 0, undef, $data, 0, $_[0] }, 0, 'no length');
    is($data, '', 'is none');
    is(of { aio_read $fh, undef, 3, $data, 0, $_[0] }, 3, 'at the position');
    is(of { aio_read $fh, undef, 3, $data, 0, $_[0] }, 3, 'which moves');
    is($data, 'def', 'on');
    is(of { aio_read $fh, -7, 3, $data, 0, $_[0] }, 3, 'negative: at the position');
    is($data, 'ghi', 'as well');
    is(sysseek($fh, 0, 1), 9, 'where it is now');
    is(of { aio_read $fh, 0, 3, $data, 0, $_[0] }, 3, 'elsewhere');
    is(sysseek($fh, 0, 1), 9, 'which leaves it');
    is(of { aio_read fileno $fh, 1, 2, $data, 0, $_[0] }, 2, 'by number');
    is($data, 'bc', 'too');
    is(of { aio_read \*$fh, 2, 2, $data, 0, $_[0] }, 2, 'by reference');
    is($data, 'cd', 'too');
    my %hash;
    is(of { aio_read $fh, 0, 4, $hash{slot}, 0, $_[0] }, 4, 'into a slot');
    is($hash{slot}, 'abcd', 'of a hash');
    my @seen;
    my $alias = sub { aio_read $fh, 0, 2, $_[0], 0, sub { push @seen, $_[0] } };
    $alias->(my $target);
    IO::AIO::flush;
    is($target, 'ab', 'through an alias');
    raises { aio_read $fh, 0, 1, $data, 5 } qr/dataoffset outside of data scalar/, 'outside of the scalar';
    raises { aio_read $fh, 0, 1, $data, -5 } qr/dataoffset outside of data scalar/, 'before it';
    raises { aio_read $fh, 0, -1, $data, 0 } qr/length must not be negative/, 'a negative length';
    raises { my $wide = "\x{100}"; aio_read $fh, 0, 1, $wide, 0 } qr/must be byte\/octet-encoded/, 'wide characters';
    raises { aio_read 'no handle', 0, 1, $data, 0 } qr/illegal fh argument/, 'no handle';
    raises { aio_read -1, 0, 1, $data, 0 } qr/illegal fh argument/, 'no number of one';
    is(of { aio_read 999, 0, 1, $data, 0, $_[0] }, -1, 'not open');
    errno_is(EBADF, 'EBADF');
    is($data, '', 'cut where it began');
    opendir my $d, dir or die $!;
    open my $dirfh, '<', dir or die $!;
    is(of { aio_read $dirfh, 0, 1, $data, 0, $_[0] }, -1, 'a directory');
    errno_is(EISDIR, 'EISDIR');
    my $big;
    put(file('big'), 'x' x 3_000_000);
    open my $bigfh, '<:raw', file('big') or die $!;
    is(of { aio_read $bigfh, 0, 4_000_000, $big, 0, $_[0] }, 3_000_000, 'much');
    is($big, 'x' x 3_000_000, 'all of it');
    my @parts = ('') x 100;
    my $done = 0;
    aio_read $fh, $_ % 26, 1, $parts[$_], 0, sub { $done += $_[0] } for 0 .. 99;
    IO::AIO::flush;
    is($done, 100, 'many at once');
    is(join('', @parts), substr(join('', 'a' .. 'z') x 4, 0, 100), 'each its own');
    my $shared = '.' x 10;
    aio_read $fh, $_, 1, $shared, $_, sub { } for reverse 0 .. 9;
    is(eval { $shared = ''; 1 }, undef, 'read-only meanwhile');
    like($@, qr/Modification of a read-only value/, 'says perl');
    IO::AIO::flush;
    is(eval { $shared .= ''; 1 }, 1, 'and not any more');
}

# write
{
    my $target = file('written');
    open my $fh, '+>:raw', $target or die $!;
    my $data = 'hello world';
    is(of { aio_write $fh, 0, 5, $data, 0, $_[0] }, 5, 'written');
    is(content($target), 'hello', 'a part');
    is(of { aio_write $fh, 5, undef, $data, 5, $_[0] }, 6, 'the rest');
    is(content($target), $data, 'behind it');
    is(of { aio_write $fh, 0, 1000, $data, -5, $_[0] }, 5, 'no more than there is');
    is(content($target), 'world world', 'from the end of the scalar');
    is(of { aio_write $fh, undef, 3, 'abc', 0, $_[0] }, 3, 'a constant at the position');
    is(of { aio_write $fh, undef, 3, 'def', 0, $_[0] }, 3, 'and behind');
    is(content($target), 'abcdefworld', 'which moved');
    is(of { aio_write $fh, 0, 0, $data, 0, $_[0] }, 0, 'nothing');
    is(of { aio_write $fh, 3, undef, 12345, 0, $_[0] }, 5, 'a number');
    is(content($target), 'abc12345rld', 'as text');
    my $latin = "\xe4\xf6";
    utf8::upgrade($latin);
    is(of { aio_write $fh, 0, undef, $latin, 0, $_[0] }, 2, 'bytes, whatever their encoding');
    is(substr(content($target), 0, 2), "\xe4\xf6", 'arrive');
    raises { aio_write $fh, 0, undef, "\x{20ac}", 0 } qr/must be byte\/octet-encoded/, 'wide characters do not';
    raises { aio_write $fh, 0, -1, $data, 3 } qr/length must not be negative/, 'nor does a negative length';
    raises { aio_write $fh, 0, 1, $data, 12 } qr/dataoffset outside/, 'nor what is outside';
    open my $ro, '<', $target or die $!;
    raises { aio_write $ro, 0, 1, $data, 0 } qr/illegal fh argument.*mode mismatch/, 'a handle for reading';
    aio_write $fh, 0, undef, $data, 0, sub { };
    is(eval { $data = 'other'; 1 }, undef, 'read-only meanwhile');
    IO::AIO::flush;
    is(eval { $data = 'other'; 1 }, 1, 'and not any more');
}

# sendfile
{
    open my $in, '<:raw', $name or die $!;
    open my $out, '+>:raw', file('sent') or die $!;
    is(of { aio_sendfile $out, $in, 3, 10, $_[0] }, 10, 'sent');
    is(content(file('sent')), 'defghijklm', 'from the offset');
    is(sysseek($in, 0, 1) + 0, 0, 'the source stays');
    is(sysseek($out, 0, 1), 10, 'the target moves');
    is(of { aio_sendfile $out, $in, 20, 100, $_[0] }, 6, 'to the end');
    is(of { aio_sendfile $out, $in, 0, 0, $_[0] }, 0, 'nothing');
    open my $append, '>>:raw', file('sent') or die $!;
    is(of { aio_sendfile $append, $in, 0, 3, $_[0] }, 3, 'what sendfile(2) refuses');
    is(content(file('sent')), 'defghijklmuvwxyzabc', 'arrives all the same');
    is(IO::AIO::sendfile($append, $in, 0, 1), 1, 'also at once');
}

# sync and others
{
    open my $fh, '+<', $name or die $!;
    is(of { aio_fsync $fh, $_[0] }, 0, 'fsync');
    is(of { aio_fdatasync $fh, $_[0] }, 0, 'fdatasync');
    is(of { aio_readahead $fh, 0, 10, $_[0] }, 0, 'readahead');
    is(of { aio_sync_file_range $fh, 0, 0, IO::AIO::SYNC_FILE_RANGE_WRITE, $_[0] }, 0, 'sync_file_range');
    is(of { aio_sync_file_range $fh, 0, 0, 1024, $_[0] }, -1, 'nonsense');
    errno_is(EINVAL, 'EINVAL');
    pipe my $r, my $w or die $!;
    is(of { aio_fsync $w, $_[0] }, -1, 'a pipe');
    errno_is(EINVAL, 'EINVAL');
    open my $proc, '<', '/proc/self/status' or die $!;
    is(of { aio_syncfs $proc, $_[0] }, 0, 'syncfs');
    is(of { aio_pathsync $name, $_[0] }, 0, 'pathsync');
    is(of { aio_pathsync file('none'), $_[0] }, -1, 'of nothing');
    errno_is(ENOENT, 'ENOENT');
}

# allocate
SKIP: {
    open my $fh, '+>', file('room') or die $!;
    my $done = of { aio_allocate $fh, 0, 0, 8192, $_[0] };
    skip "fallocate: $!", 4 if $done && $!{EOPNOTSUPP};
    is($done, 0, 'allocated');
    is(-s file('room'), 8192, 'so much');
    is(of { aio_allocate $fh, IO::AIO::FALLOC_FL_KEEP_SIZE, 8192, 4096, $_[0] }, 0, 'more');
    is(-s file('room'), 8192, 'beyond the end');
}

# fcntl and ioctl
{
    open my $fh, '<', $name or die $!;
    is((of { aio_fcntl $fh, F_GETFL, 0, $_[0] }) & O_ACCMODE, O_RDONLY, 'fcntl with a number');
    my $lock = pack 's s x![l] l! l! i x![q] x32', F_WRLCK, 0, 0, 0, 0;
    open my $rw, '+<', $name or die $!;
    is(of { aio_fcntl $rw, IO::AIO::F_OFD_SETLK, $lock, $_[0] }, 0, 'with a struct');
    is(of { aio_fcntl $fh, 99_999, 0, $_[0] }, -1, 'nonsense');
    errno_is(EINVAL, 'EINVAL');
    pipe my $r, my $w or die $!;
    syswrite $w, 'hello';
    my $n;
    is(of { aio_ioctl $r, 0x541B, $n, $_[0] }, 0, 'ioctl fills a scalar');
    is(unpack('i', $n), 5, 'FIONREAD');
    is(of { aio_ioctl $fh, 0xdead, 0, $_[0] }, -1, 'unknown');
    errno_is(ENOTTY, 'ENOTTY');
}

# fiemap
SKIP: {
    put(file('extents'), 'x' x 10_000);
    open my $fh, '<', file('extents') or die $!;
    of { aio_fsync $fh, $_[0] };
    my @got = of { aio_fiemap $fh, 0, undef, IO::AIO::FIEMAP_FLAG_SYNC, undef, $_[0] };
    skip "fiemap: $!", 5 if !@got && $!{EOPNOTSUPP};
    is(ref $got[0], 'ARRAY', 'extents');
    cmp_ok(scalar @{$got[0]}, '>=', 1, 'some');
    is(scalar @{$got[0][0]}, 4, 'of four numbers');
    is($got[0][0][0], 0, 'from the start');
    is(of { aio_fiemap $fh, 0, undef, 0, 0, $_[0] }, scalar @{$got[0]}, 'or just their number');
    @got = of { aio_fiemap $fh, 0, undef, 1 << 30, undef, $_[0] };
    is(scalar @got, 0, 'nothing after an error');
}

done_testing;
